/**
 * R2, R36 at the size of every commit: processes of a running cluster are killed with SIGKILL; what was acknowledged is there,
 * containers go on as if nothing had happened.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { busyboxRoot, canRunNodes, eventually, startLocalCluster, type LocalCluster } from './local-cluster.ts';

const PODS = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: sleepers}
spec:
  replicas: 4
  selector: {matchLabels: {app: sleepers}}
  template:
    metadata: {labels: {app: sleepers}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: sleep, image: "busybox:1", command: [sleep, "100000"]}
`;

interface PodFacts { name: string; containerId: string; startedAt: string; restarts: number }

describe('kill -9', { skip: canRunNodes }, () => {
  let cluster: LocalCluster;
  let root: string;

  before(async () => {
    root = busyboxRoot();
    cluster = await startLocalCluster();
    assert.equal((await cluster.kubernode('image', 'build', root, '--tag', 'busybox:1', '--env', 'PATH=/bin')).code, 0);
    await cluster.apply(PODS);
    await cluster.kubectl('rollout', 'status', 'deployment/sleepers', '--timeout=90s');
  });

  after(async () => {
    rmSync(root, { recursive: true, force: true });
    await cluster?.stop();
  });

  async function facts(): Promise<PodFacts[]> {
    const { items } = JSON.parse(await cluster.kubectl('get', 'pods', '-o', 'json')) as { items: { metadata: { name: string }; status: { containerStatuses: { containerID: string; restartCount: number; state: { running: { startedAt: string } } }[] } }[] };
    return items.map(({ metadata, status }) => {
      const [container] = status.containerStatuses;
      return { name: metadata.name, containerId: container!.containerID, startedAt: container!.state.running.startedAt, restarts: container!.restartCount };
    }).sort((a, b) => a.name.localeCompare(b.name));
  }

  async function kill(name: string): Promise<void> {
    const { processes } = JSON.parse((await cluster.kubernode('status', '-o', 'json')).stdout) as { processes: { name: string; pid: number }[] };
    const pid = processes.find((entry) => entry.name === name)?.pid;
    assert.ok(pid !== undefined, `${name} runs`);
    process.kill(pid, 'SIGKILL');
    await eventually(async () => {
      const again = JSON.parse((await cluster.kubernode('status', '-o', 'json')).stdout) as { processes: { name: string; pid: number }[] };
      const now = again.processes.find((entry) => entry.name === name)?.pid;
      assert.ok(now !== undefined && now !== pid);
    }, 20_000);
  }

  test('the control plane under load: no acknowledged write is lost', async () => {
    const earlier = await facts();
    const acknowledged: string[] = [];
    let going = true;
    const writer = (async () => {
      for (let i = 0; going; i++) {
        const output = await cluster.tryKubectl(['create', 'configmap', `kept-${i}`, `--from-literal=i=${i}`]);
        if (output.code === 0) acknowledged.push(`kept-${i}`);
      }
    })();
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => { setTimeout(resolve, 1_000); });
      await kill('control-plane');
    }
    await new Promise((resolve) => { setTimeout(resolve, 1_500); });
    going = false;
    await writer;
    const present = await eventually(() => cluster.kubectl('get', 'configmaps', '-o', 'name'), 20_000);
    assert.ok(acknowledged.length > 5, `only ${acknowledged.length} writes were acknowledged`);
    const names = new Set(present.split('\n').map((line) => line.replace('configmap/', '')));
    assert.deepEqual(acknowledged.filter((name) => !names.has(name)), []);
    assert.deepEqual(await facts(), earlier);
  });

  test('the node process: the same containers with the same start times', async () => {
    const earlier = await facts();
    await kill('node-1');
    await new Promise((resolve) => { setTimeout(resolve, 5_000); });
    assert.deepEqual(await facts(), earlier);
    assert.match(await cluster.kubectl('get', 'nodes'), / Ready /);
  });

  test('containerd: containers go on and are found again', async () => {
    const earlier = await facts();
    await kill('node-1-containerd');
    await eventually(async () => assert.match(await cluster.kubectl('get', 'nodes'), / Ready /), 30_000);
    assert.deepEqual(await facts(), earlier);
  });

  test('down and up bring the same cluster back', async () => {
    assert.equal((await cluster.kubernode('down')).code, 0);
    const up = await cluster.kubernode('up', '--no-kubeconfig-merge');
    assert.equal(up.code, 0, up.stderr);
    assert.match(await cluster.kubectl('get', 'configmaps', '-o', 'name'), /configmap\/kept-0/);
    await cluster.kubectl('rollout', 'status', 'deployment/sleepers', '--timeout=90s');
  });
});
