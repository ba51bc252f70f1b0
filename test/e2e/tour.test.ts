/**
 * What a new user does first, on one real node: the tour of the README and the everyday commands of kubectl.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { busyboxRoot, canRunNodes, census, eventually, run, startLocalCluster, type LocalCluster } from './local-cluster.ts';

const WEB = (page: string, checksum = 'one'): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {index.html: "${page}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {checksum: "${checksum}"}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: httpd
        image: busybox:1
        command: [httpd, -f, -p, "8080", -h, /www]
        ports: [{containerPort: 8080, name: http}]
        readinessProbe: {httpGet: {path: /index.html, port: http}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 2}}}
        volumeMounts: [{name: page, mountPath: /www}]
      volumes: [{name: page, configMap: {name: page}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: http, nodePort: 30080}]
`;

const TOOL = `
apiVersion: v1
kind: Pod
metadata: {name: tool}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: sh, image: "busybox:1", command: [sh, -c, "while true; do date; sleep 1; done"]}
`;

function fetchText(url: string, timeoutMs = 3_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const ask = request(url, { agent: false, timeout: timeoutMs }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => { text += chunk; });
      answer.on('end', () => { if (answer.statusCode === 200) resolve(text); else reject(new Error(`status ${answer.statusCode}`)); });
    });
    ask.on('timeout', () => ask.destroy(new Error('timed out')));
    ask.on('error', reject);
    ask.end();
  });
}

describe('a cluster of one node', { skip: canRunNodes }, () => {
  let cluster: LocalCluster;
  let root: string;

  before(async () => {
    root = busyboxRoot();
    cluster = await startLocalCluster();
    const built = await cluster.kubernode('image', 'build', root, '--tag', 'busybox:1', '--cmd', 'sh', '--env', 'PATH=/bin');
    assert.equal(built.code, 0, built.stderr);
  });

  after(async () => {
    rmSync(root, { recursive: true, force: true });
    if (cluster === undefined) return;
    assert.ok((await census(cluster.dataDir)).some((line) => line.startsWith('link kn')), 'the census sees what is there');
    await cluster.stop();
    assert.deepEqual(await census(cluster.dataDir), [], 'reset leaves nothing behind');
  });

  test('the node is Ready with its version, address and runtime', async () => {
    assert.match(await cluster.kubectl('get', 'nodes', '-o', 'wide'), /node-1 +Ready .*v1\.36\.\d+\+kubernode +10\.89\.\d+\.11 .*containerd:\/\//);
    assert.match(cluster.upOutput, /API server ready .*\n.*nodes Ready/s);
    const { processes } = JSON.parse((await cluster.kubernode('status', '-o', 'json')).stdout) as { processes: { name: string; pid: number; rssBytes: number }[] };
    assert.deepEqual(processes.map((entry) => entry.name), ['control-plane', 'node-1', 'node-1-containerd']);
    assert.ok(processes.every((entry) => entry.pid > 1 && entry.rssBytes > 0));
  });

  test('a deployment with a service: reached by cluster IP, node port and name', async () => {
    await cluster.apply(WEB('hello'));
    assert.match(await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s'), /successfully rolled out/);
    await cluster.apply(TOOL);
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/tool', '--timeout=60s');
    const clusterIp = await cluster.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const nodeIp = await cluster.kubectl('get', 'node', 'node-1', '-o', 'jsonpath={.status.addresses[0].address}');
    await eventually(async () => assert.equal(await fetchText(`http://${clusterIp}/`), 'hello'), 15_000);
    assert.equal(await fetchText(`http://${nodeIp}:30080/`), 'hello');
    assert.equal(await cluster.kubectl('exec', 'tool', '--', 'wget', '-qO-', 'http://web/'), 'hello');
    assert.equal(await cluster.kubectl('exec', 'tool', '--', 'wget', '-qO-', 'http://web.default.svc.cluster.local/'), 'hello');
  });

  test('a rolling update under a steady load fails no request; undo, scale, replacement', async () => {
    const clusterIp = await cluster.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const failures: string[] = [];
    let asked = 0;
    let going = true;
    const load = (async () => {
      while (going) {
        asked++;
        await fetchText(`http://${clusterIp}/`).catch((error: Error) => failures.push(error.message));
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    })();
    await cluster.apply(WEB('changed', 'two'));
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    going = false;
    await load;
    assert.ok(asked > 20, `only ${asked} requests`);
    assert.deepEqual(failures, []);
    assert.equal(await fetchText(`http://${clusterIp}/`), 'changed');
    await cluster.kubectl('rollout', 'undo', 'deployment/web');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    assert.equal(await cluster.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.metadata.annotations.checksum}'), 'one');
    await cluster.kubectl('scale', 'deployment/web', '--replicas=2');
    await eventually(async () => assert.equal((await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n').length, 2), 30_000);
    const [victim] = (await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n');
    await cluster.kubectl('delete', victim!, '--wait=false');
    await eventually(async () => {
      assert.equal(await cluster.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'), '2');
      assert.ok(!(await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).includes(victim!));
    }, 30_000);
  });

  test('logs, exec, attach, cp, port-forward', async () => {
    assert.match(await cluster.kubectl('logs', 'tool', '--tail=1'), /UTC/);
    const followed = await cluster.tryKubectl(['logs', '-f', 'tool'], { timeoutMs: 3_000 });
    assert.ok(followed.stdout.split('\n').length > 2);
    assert.equal((await cluster.tryKubectl(['exec', '-i', 'tool', '--', 'cat'], { input: 'through and back\n' })).stdout, 'through and back\n');
    assert.equal((await cluster.tryKubectl(['exec', 'tool', '--', 'sh', '-c', 'exit 7'])).code, 7);
    const attached = await cluster.tryKubectl(['attach', 'tool'], { timeoutMs: 3_000 });
    assert.match(attached.stdout, /UTC/);
    const folder = mkdtempSync(join(tmpdir(), 'kubernode-cp-'));
    writeFileSync(join(folder, 'there'), 'x'.repeat(300_000));
    await cluster.kubectl('cp', join(folder, 'there'), 'tool:/tmp/there');
    await cluster.kubectl('cp', 'tool:/tmp/there', join(folder, 'back'));
    assert.equal(readFileSync(join(folder, 'back'), 'utf8').length, 300_000);
    rmSync(folder, { recursive: true });
    const forward = spawn('kubectl', ['--kubeconfig', cluster.kubeconfig, 'port-forward', 'service/web', '0:80']);
    const port = await new Promise<string>((resolve) => { forward.stdout.on('data', (chunk) => { const match = /127\.0\.0\.1:(\d+)/.exec(String(chunk)); if (match !== null) resolve(match[1]!); }); });
    assert.equal(await fetchText(`http://127.0.0.1:${port}/`), 'changed');
    forward.kill();
  });

  test('the everyday commands', async () => {
    assert.match(await cluster.kubectl('describe', 'deployment', 'web'), /RollingUpdateStrategy: +25% max unavailable, 25% max surge/);
    assert.match(await cluster.kubectl('describe', 'pod', 'tool'), /Successfully assigned default\/tool to node-1/);
    assert.match(await cluster.kubectl('events'), /Scheduled|Started/);
    assert.match(await cluster.kubectl('get', 'pods', '-o', 'custom-columns=N:.metadata.name,S:.status.phase'), /tool +Running/);
    assert.match(await cluster.kubectl('get', 'pods', 'tool', '-o', 'yaml'), /kind: Pod/);
    await cluster.kubectl('label', 'pod', 'tool', 'colour=blue');
    await cluster.kubectl('annotate', 'pod', 'tool', 'note=this');
    assert.equal((await cluster.kubectl('get', 'pods', '-l', 'colour=blue', '-o', 'name')).trim(), 'pod/tool');
    assert.equal((await cluster.kubectl('auth', 'can-i', 'delete', 'nodes')).trim(), 'yes');
    assert.match(await cluster.kubectl('explain', 'deployment.spec.strategy'), /rollingUpdate/);
    assert.match(await cluster.kubectl('api-resources'), /deployments +deploy +apps\/v1 +true +Deployment/);
    const diff = await cluster.tryKubectl(['diff', '-f', '-'], { input: WEB('other') });
    assert.equal(diff.code, 1, diff.stderr);
    assert.match(diff.stdout, /\+ {2}index\.html: other/);
    const edited = await run('kubectl', ['--kubeconfig', cluster.kubeconfig, 'edit', 'configmap', 'page'], { env: { ...process.env, EDITOR: 'sed -i s/changed/edited/' } });
    assert.equal(edited.code, 0, edited.stderr);
    assert.equal(await cluster.kubectl('get', 'configmap', 'page', '-o', 'jsonpath={.data.index\\.html}'), 'edited');
    await cluster.kubectl('cordon', 'node-1');
    assert.match(await cluster.kubectl('get', 'nodes'), /Ready,SchedulingDisabled/);
    await cluster.kubectl('drain', 'node-1', '--force', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s');
    await cluster.kubectl('uncordon', 'node-1');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  });

  test('deletion by cascade: orphan, foreground, background', async () => {
    await cluster.kubectl('delete', 'deployment', 'web', '--cascade=orphan');
    assert.match(await cluster.kubectl('get', 'replicasets', '-o', 'name'), /replicaset/);
    await cluster.kubectl('delete', 'replicasets', '--all', '--cascade=foreground', '--timeout=60s');
    assert.equal((await cluster.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).trim(), '');
    await cluster.kubectl('delete', 'service/web', 'configmap/page', '--cascade=background');
  });
});
