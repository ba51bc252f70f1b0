/**
 * `kubernode server` and `kubernode agent`, each on a machine of its own: two network namespaces joined by a bridge stand for two
 * computers. Nothing listens outside them.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newClusterConfig, ensureNodes, type ClusterConfig } from '#cmd/cluster-config';
import { createHostNetwork, removeHostNetwork, usedRanges } from '#cmd/host-network';
import { createNodeMachine, type NodeMachine } from '#cmd/machine/node-machine';
import { canRunNodes, run, type Output } from './local-cluster.ts';

const KUBERNODE = join(import.meta.dirname, '../../bin/kubernode');
const READY_MS_MAX = 120_000;

/** A computer: a machine of its own with a command prompt. */
interface Computer {
  readonly machine: NodeMachine;
  readonly dataDir: string;
  inside(program: readonly string[]): Promise<Output>;
  kubernode(...args: string[]): Promise<Output>;
  kubectl(...args: string[]): Promise<Output>;
  /** Runs until it is stopped. */
  serve(...args: string[]): ChildProcess;
  log(): string;
}

const directory = mkdtempSync(join(tmpdir(), 'kubernode-computers-'));
const running: ChildProcess[] = [];
let config: ClusterConfig;
let server: Computer;
let agent: Computer;

function computer(index: number): Computer {
  const node = config.nodes[index]!;
  const machine = createNodeMachine(config, node);
  const dataDir = join(directory, `data-${node.name}`);
  const logPath = join(directory, `${node.name}.log`);
  const inside = (program: readonly string[]): Promise<Output> => { const [first, ...rest] = machine.enter(program); return run(first!, rest, { timeoutMs: 60_000 }); };
  return {
    machine, dataDir, inside,
    kubernode: (...args) => inside([process.execPath, KUBERNODE, ...args, '--data-dir', dataDir]),
    kubectl: (...args) => inside(['kubectl', '--kubeconfig', join(dataDir, 'admin.kubeconfig'), ...args]),
    serve(...args) {
      const [first, ...rest] = machine.enter([process.execPath, KUBERNODE, ...args, '--data-dir', dataDir]);
      const log = openSync(logPath, 'a');
      const child = spawn(first!, rest, { stdio: ['ignore', log, log] });
      closeSync(log);
      running.push(child);
      return child;
    },
    log: () => readFileSync(logPath, 'utf8'),
  };
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`timed out waiting for ${what}\nserver: ${server.log().slice(-3000)}\nagent: ${agent.log().slice(-3000)}`);
    await new Promise((resolve) => { setTimeout(resolve, 250); });
  }
}

before(async () => {
  if (canRunNodes !== false) return;
  config = newClusterConfig(directory, 6443, await usedRanges(), { engine: 'embedded' });
  ensureNodes(config, 2, 'computer');
  await createHostNetwork(config);
  for (const index of [0, 1]) await createNodeMachine(config, config.nodes[index]!).boot();
  server = computer(0);
  agent = computer(1);
});

after(async () => {
  if (canRunNodes !== false) return;
  for (const child of running) child.kill('SIGKILL');
  for (const node of config.nodes) await createNodeMachine(config, node).remove();
  await removeHostNetwork(config);
  rmSync(directory, { recursive: true, force: true });
});

test('server and agent: two machines, one cluster', { skip: canRunNodes, timeout: 300_000 }, async (t) => {
  await t.test('server makes this machine a node', async () => {
    server.serve('server');
    await until('the server to be Ready', async () => (await server.kubectl('get', 'node', 'computer-1')).stdout.includes(' Ready '));
  });

  await t.test('a wrong token is refused, and says what to do', async () => {
    const url = `https://${config.nodes[0]!.address}:6443`;
    const unknown = await agent.kubernode('agent', '--server', url, '--token', `sha256:${'0'.repeat(64)}::abcdef.0123456789abcdef`);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /not the one the token was made for/);
    const shape = await agent.kubernode('agent', '--server', url, '--token', 'abc');
    assert.match(shape.stderr, /kubernode token create makes one/);
  });

  await t.test('the agent joins with the printed command', async () => {
    const printed = await server.kubernode('token', 'create', '--print-join');
    assert.equal(printed.code, 0, printed.stderr);
    const [, ...words] = printed.stdout.trim().split(' ');
    agent.serve(...words);
    await until('the agent to be Ready', async () => (await server.kubectl('get', 'node', 'computer-2')).stdout.includes(' Ready '));
  });

  await t.test('its kubelet answers through the API server, and DNS answers on it', async () => {
    const proxied = await server.kubectl('get', '--raw', '/api/v1/nodes/computer-2/proxy/healthz');
    assert.equal(proxied.stdout, 'ok', proxied.stderr);
    const [first, ...rest] = agent.machine.enter([process.execPath, '-e', `const r = new (require('node:dns/promises').Resolver)({ timeout: 2000 }); r.setServers(['10.96.0.10']); r.resolve4('kubernetes.default.svc.cluster.local').then((a) => console.log(a.join()))`]);
    await until('DNS on the agent', async () => (await run(first!, rest)).stdout.trim() === '10.96.0.1');
  });

  await t.test('a pod runs on the agent, and the server reaches it by its service', async () => {
    const built = await agent.kubernode('image', 'build', busyboxRoot(), '--tag', 'busybox:e2e', '--entrypoint', '/bin/busybox');
    assert.equal(built.code, 0, built.stderr);
    writeFileSync(join(directory, 'web.yaml'), WEB);
    const applied = await server.kubectl('apply', '-f', join(directory, 'web.yaml'));
    assert.equal(applied.code, 0, applied.stderr);
    await until('the pod to run', async () => (await server.kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.phase} {.spec.nodeName}')).stdout === 'Running computer-2');
    const address = (await server.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')).stdout;
    const fetched = async (from: Computer): Promise<boolean> => (await from.inside([process.execPath, '-e', `fetch('http://${address}/').then((r) => r.text()).then(console.log)`])).stdout.trim() === 'hello';
    await until('the page from the server', () => fetched(server));
    await until('the page from the agent', () => fetched(agent));
    assert.equal((await server.kubectl('logs', 'web')).code, 0);
    assert.equal((await server.kubectl('exec', 'web', '--', '/bin/busybox', 'hostname')).stdout.trim(), 'web');
  });

  await t.test('killed and started again without its token, the agent goes on and the container too', async () => {
    const started = async (): Promise<string> => (await server.kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}')).stdout;
    const before = await started();
    killBehind(running.pop()!);
    await until('the agent to be gone', async () => (await server.kubectl('get', '--raw', '/api/v1/nodes/computer-2/proxy/healthz')).code !== 0);
    agent.serve('agent', '--server', `https://${config.nodes[0]!.address}:6443`);
    await until('the agent to go on', async () => (await server.kubectl('get', '--raw', '/api/v1/nodes/computer-2/proxy/healthz')).stdout === 'ok');
    assert.equal(await started(), before);
  });

  await t.test('reset takes a machine out of the cluster and leaves nothing of it', async () => {
    const busy = await agent.kubernode('reset', '--yes');
    assert.match(busy.stderr, /stop it first/);
    killBehind(running.pop()!);
    const done = await agent.kubernode('reset', '--yes');
    assert.equal(done.code, 0, done.stderr);
    const census = (await agent.inside(['sh', '-c', `ls -d ${agent.dataDir} 2>/dev/null; grep -e ${agent.dataDir} -e /run/kubernode /proc/self/mounts; ip -br link | grep -e cni0 -e veth; nft list tables; ip route show proto 89; pgrep -a containerd-shim`])).stdout;
    assert.equal(census.split('\n').filter((line) => line !== '' && !/^table ip (nat|filter|mangle)$/.test(line)).join('\n'), '');
  });
});

const WEB = `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  nodeName: computer-2
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: busybox:e2e
    imagePullPolicy: Never
    args: [sh, -c, 'mkdir -p /www; echo hello > /www/index.html; exec busybox httpd -f -p 80 -h /www']
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`;

function busyboxRoot(): string {
  const root = join(directory, 'busybox');
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(join(root, 'tmp'), { recursive: true });
  cpSync(['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path))!, join(root, 'bin', 'busybox'));
  for (const applet of ['sh', 'httpd', 'echo', 'mkdir']) if (!existsSync(join(root, 'bin', applet))) symlinkSync('busybox', join(root, 'bin', applet));
  return root;
}

/** The process inside stands behind the one that entered the machine. */
function killBehind(child: ChildProcess): void {
  const inside = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const pid of inside) if (pid > 1) process.kill(pid, 'SIGKILL');
}
