/** Three nodes: pods reach each other across nodes, services and DNS work from each, a dead node's pods come up elsewhere. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { busyboxRoot, canRunNodes, eventually, explained, startLocalCluster, type LocalCluster } from './local-cluster.ts';

const SPREAD = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      tolerations:
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 2}
      containers:
      - name: httpd
        image: busybox:1
        command: [sh, -c, "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"]
        readinessProbe: {httpGet: {path: /index.html, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;

interface PodRow { name: string; node: string; ip: string }

describe('a cluster of three nodes', { skip: canRunNodes }, () => {
  let cluster: LocalCluster;
  let root: string;

  before(async () => {
    root = busyboxRoot();
    cluster = await startLocalCluster({ nodes: 3 });
    assert.equal((await cluster.kubernode('image', 'build', root, '--tag', 'busybox:1', '--env', 'PATH=/bin')).code, 0);
    await cluster.apply(SPREAD);
    await explained(cluster, () => cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=100s'));
  });

  after(async () => {
    rmSync(root, { recursive: true, force: true });
    await cluster?.stop();
  });

  async function webPods(): Promise<PodRow[]> {
    const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'json')) as { items: { metadata: { name: string; deletionTimestamp?: string }; spec: { nodeName: string }; status: { podIP: string; phase: string } }[] };
    return items.filter((pod) => pod.metadata.deletionTimestamp === undefined && pod.status.phase === 'Running').map((pod) => ({ name: pod.metadata.name, node: pod.spec.nodeName, ip: pod.status.podIP }));
  }

  test('pods stand on every node and reach each other, services and names from each', async () => {
    const pods = await webPods();
    assert.deepEqual(pods.map((pod) => pod.node).sort(), ['node-1', 'node-2', 'node-3']);
    for (const from of pods) {
      for (const to of pods) {
        assert.equal((await cluster.kubectl('exec', from.name, '--', 'wget', '-qO-', `http://${to.ip}:8080/`)).trim(), to.name, `${from.node} → ${to.node}`);
      }
      assert.match(await cluster.kubectl('exec', from.name, '--', 'wget', '-qO-', 'http://web/'), /^web-/);
    }
  });

  test('a node whose processes are killed turns NotReady and its pods come up elsewhere', async () => {
    const { processes } = JSON.parse((await cluster.kubernode('status', '-o', 'json')).stdout) as { processes: { name: string; pid: number }[] };
    // The supervisors would start them again: the machine itself goes.
    const { nodes } = JSON.parse((await cluster.kubernode('status', '-o', 'json')).stdout) as { nodes: { name: string }[] };
    assert.equal(nodes.length, 3);
    assert.ok(processes.some((entry) => entry.name === 'node-3'));
    assert.equal((await cluster.kubernode('node-power', 'off', 'node-3')).code, 0);
    await explained(cluster, () => eventually(async () => assert.match(await cluster.kubectl('get', 'node', 'node-3'), /NotReady/), 90_000));
    await explained(cluster, () => eventually(async () => {
      const pods = await webPods();
      const alive = pods.filter((pod) => pod.node !== 'node-3');
      assert.ok(alive.length >= 3, JSON.stringify(pods));
    }, 120_000));
  });

  test('the node comes back', async () => {
    const up = await cluster.kubernode('up', '--no-kubeconfig-merge');
    assert.equal(up.code, 0, up.stderr);
    await explained(cluster, () => eventually(async () => assert.match(await cluster.kubectl('get', 'node', 'node-3'), / Ready /), 60_000));
  });
});
