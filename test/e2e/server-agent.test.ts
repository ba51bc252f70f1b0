/**
 * `kubernode server` and `kubernode agent`, each on a machine of its own: two network namespaces joined by a bridge stand for two
 * computers. Nothing listens outside them.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
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
    machine, dataDir,
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

  await t.test('the agent comes back without its token', async () => {
    running.pop()!.kill('SIGKILL');
    agent.serve('agent', '--server', `https://${config.nodes[0]!.address}:6443`);
    await until('the agent to go on', async () => agent.log().split('join https').length > 2 && (await server.kubectl('get', '--raw', '/api/v1/nodes/computer-2/proxy/healthz')).stdout === 'ok');
  });
});
