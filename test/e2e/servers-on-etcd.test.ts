/**
 * High availability (R17, R18): three machines, each with a member of one etcd cluster (TLS, client certificates) and a `kubernode server`.
 * The second and third server join with a token. Any server and any member can die: writes go on, controllers find a new leader, what was
 * acknowledged is there, and the agent of a fourth machine goes on with another server. Network namespaces joined by a bridge stand for the machines; nothing listens outside them.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deployments } from '#api/generated/apps/v1';
import { leases } from '#api/generated/coordination/v1';
import { configmaps, endpoints, nodes, pods } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import type { Client } from '#client/client';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { ensureNodes, newClusterConfig, type ClusterConfig } from '#cmd/cluster-config';
import { createHostNetwork, removeHostNetwork, usedRanges } from '#cmd/host-network';
import { createNodeMachine, type NodeMachine } from '#cmd/machine/node-machine';
import { isAlreadyExists } from '#machinery/status-error';
import { whyNoEtcd } from '#storage/testing/etcd-server';
import { canRunNodes, run, type Output } from './local-cluster.ts';

const KUBERNODE = join(import.meta.dirname, '../../bin/kubernode');
const SERVERS = 3;
const READY_MS_MAX = 120_000;
const skip = canRunNodes !== false ? canRunNodes : whyNoEtcd() ?? false;

interface Computer {
  readonly address: string;
  readonly url: string;
  readonly machine: NodeMachine;
  readonly dataDir: string;
  readonly client: () => Promise<Client>;
  etcd: ChildProcess | undefined;
  server: ChildProcess | undefined;
  startEtcd(): void;
  serve(...args: string[]): void;
  serveAgent(...args: string[]): void;
  kubernode(...args: string[]): Promise<Output>;
  log(): string;
}

const directory = mkdtempSync(join(tmpdir(), 'kubernode-servers-'));
const clients = new Map<string, Client>();
let config: ClusterConfig;
let computers: Computer[];
/** A machine that is a node and nothing else. */
let agent: Computer;
let storeFlags: string[];

/** One authority for members and clients; one certificate for all, which the members trust each other by too. */
function makeCertificates(addresses: readonly string[]): void {
  const openssl = (...args: string[]): void => { const made = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' }); assert.equal(made.status, 0, made.stderr); };
  writeFileSync(join(directory, 'ext'), `subjectAltName=IP:127.0.0.1,${addresses.map((address) => `IP:${address}`).join(',')}\nextendedKeyUsage=serverAuth,clientAuth\n`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=etcd-ca', '-days', '2');
  openssl('req', ...key, '-keyout', 'member.key', '-out', 'member.csr', '-subj', '/CN=member');
  openssl('x509', '-req', '-in', 'member.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'member.crt', '-extfile', 'ext', '-days', '2');
}

function computer(index: number): Computer {
  const node = config.nodes[index]!;
  const machine = createNodeMachine(config, node);
  const dataDir = join(directory, `data-${index}`);
  const at = (name: string): string => join(directory, name);
  const start = (name: string, program: readonly string[]): ChildProcess => {
    const [first, ...rest] = machine.enter(program);
    const log = openSync(at(`${name}-${index}.log`), 'a');
    const child = spawn(first!, rest, { stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  };
  const peers = config.nodes.slice(0, SERVERS).map((one, i) => `m${i}=https://${one.address}:2380`).join(',');
  const made: Computer = {
    address: node.address, url: `https://${node.address}:6443`, machine, dataDir, etcd: undefined, server: undefined,
    async client() {
      let client = clients.get(node.address);
      if (client === undefined) clients.set(node.address, client = createClient({ transport: await transportFromKubeconfig(join(dataDir, 'admin.kubeconfig'), systemClock), clock: systemClock, userAgent: 'test' }));
      return client;
    },
    startEtcd() {
      made.etcd = start('etcd', ['etcd', '--name', `m${index}`, '--data-dir', at(`etcd-${index}`), '--log-level', 'error',
        '--listen-client-urls', `https://${node.address}:2379`, '--advertise-client-urls', `https://${node.address}:2379`, '--listen-peer-urls', `https://${node.address}:2380`,
        '--initial-advertise-peer-urls', `https://${node.address}:2380`, '--initial-cluster', peers, '--initial-cluster-state', 'new',
        '--cert-file', at('member.crt'), '--key-file', at('member.key'), '--trusted-ca-file', at('ca.crt'), '--client-cert-auth',
        '--peer-cert-file', at('member.crt'), '--peer-key-file', at('member.key'), '--peer-trusted-ca-file', at('ca.crt'), '--peer-client-cert-auth']);
    },
    serve: (...args) => { made.server = start('server', [process.execPath, KUBERNODE, 'server', '--no-node', ...args, '--data-dir', dataDir]); },
    serveAgent: (...args) => { made.server = start('server', [process.execPath, KUBERNODE, 'agent', ...args, '--data-dir', dataDir]); },
    kubernode: (...args) => { const [first, ...rest] = machine.enter([process.execPath, KUBERNODE, ...args, '--data-dir', dataDir]); return run(first!, rest, { timeoutMs: 60_000 }); },
    log: () => (existsSync(at(`server-${index}.log`)) ? readFileSync(at(`server-${index}.log`), 'utf8') : ''),
  };
  return made;
}

async function until<T>(what: string, find: () => Promise<T | undefined | false>, limitMs = READY_MS_MAX): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = await find().catch(() => undefined);
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`timed out waiting for ${what}\n${[...computers, agent].map((one) => one.log().slice(-1500)).join('\n---\n')}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

/** What `enter` started: the program itself is a child of it. */
function killBehind(child: ChildProcess): void {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  for (const pid of children === '' ? [child.pid!] : children.split(' ').map(Number)) process.kill(pid, 'SIGKILL');
}

before(async () => {
  if (skip !== false) return;
  config = newClusterConfig(directory, 6443, await usedRanges(), { engine: 'embedded' });
  ensureNodes(config, SERVERS + 1, 'computer');
  await createHostNetwork(config);
  for (const node of config.nodes) await createNodeMachine(config, node).boot();
  makeCertificates(config.nodes.slice(0, SERVERS).map((node) => node.address));
  computers = config.nodes.slice(0, SERVERS).map((_, index) => computer(index));
  agent = computer(SERVERS);
  storeFlags = ['--etcd-servers', computers.map(({ address }) => `https://${address}:2379`).join(','), '--etcd-cafile', join(directory, 'ca.crt'), '--etcd-certfile', join(directory, 'member.crt'), '--etcd-keyfile', join(directory, 'member.key')];
  for (const one of computers) one.startEtcd();
});

after(async () => {
  if (skip !== false) return;
  for (const client of clients.values()) await client.close();
  for (const { server, etcd } of [...computers, agent]) for (const child of [server, etcd]) if (child?.exitCode === null) { try { killBehind(child); } catch { /* gone already */ } }
  for (const node of config.nodes) await createNodeMachine(config, node).remove();
  await removeHostNetwork(config);
  rmSync(directory, { recursive: true, force: true });
});

/** Writes without end through whatever server answers, as a client behind a balancer does. */
function startWriting(): { readonly acked: Set<string>; lastMs(): number; stop(): Promise<void> } {
  const acked = new Set<string>();
  let running = true;
  let lastMs = performance.now();
  const writers = Array.from({ length: 3 }, async (_, writer) => {
    let at = writer;
    for (let i = 0; running; i++) {
      const name = `w${writer}-${i}`;
      for (;;) {
        try {
          const client = await computers[at % SERVERS]!.client();
          await client.for(configmaps, 'default').create({ metadata: { name } }, { signal: AbortSignal.timeout(3_000) });
          break;
        } catch (error) {
          // The one before was written, and its answer lost.
          if (isAlreadyExists(error)) break;
          if (!running) return;
          at++;
          await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
      }
      acked.add(name);
      lastMs = performance.now();
    }
  });
  return { acked, lastMs: () => lastMs, async stop() { running = false; await Promise.all(writers); } };
}

async function leaderOf(lease: string): Promise<number> {
  return await until(`a leader of ${lease}`, async () => {
    for (const one of computers) {
      if (one.server?.exitCode !== null) continue;
      const found = await (await one.client()).for(leases, 'kube-system').get(lease, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      const index = computers.findIndex((_, i) => found?.spec?.holderIdentity?.startsWith(`computer-${i + 1}_`) === true);
      if (index >= 0) return index;
    }
    return undefined;
  });
}

async function answersAt(address: string): Promise<string[]> {
  const one = computers.find((each) => each.address === address)!;
  const found = await (await one.client()).for(endpoints, 'default').get('kubernetes', { signal: AbortSignal.timeout(2_000) });
  return (found.subsets ?? []).flatMap((subset) => (subset.addresses ?? []).map((each) => each.ip)).sort();
}

test('R17, R18: three servers on three etcd members, any of which can die', { skip, timeout: 600_000 }, async (t) => {
  await t.test('the first makes the cluster, the others join with a token', async () => {
    computers[0]!.serve(...storeFlags);
    await until('the first server', async () => (await (await computers[0]!.client()).for(configmaps, 'kube-public').get('cluster-info')).metadata.name !== undefined);
    const nodeToken = await computers[0]!.kubernode('token', 'create', '--print-join');
    const [, , ...nodeWords] = nodeToken.stdout.trim().split(' ');
    const refused = await computers[1]!.kubernode('server', '--no-node', ...nodeWords, ...storeFlags);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /joins nodes, not servers/);
    assert.equal(existsSync(join(computers[1]!.dataDir, 'pki', 'ca.key')), false);
    const printed = await computers[0]!.kubernode('token', 'create', '--for-server', '--print-join');
    assert.equal(printed.code, 0, printed.stderr);
    const [, command, ...words] = printed.stdout.trim().split(' ');
    assert.equal(command, 'server');
    for (const one of computers.slice(1)) one.serve(...words);
    for (const one of computers) await until(`${one.address} to answer with all three`, async () => (await answersAt(one.address)).length === SERVERS);
    const keys = computers.map(({ dataDir }) => ['ca.key', 'sa.key', 'front-proxy-ca.key'].map((name) => readFileSync(join(dataDir, 'pki', name), 'utf8')).join());
    assert.equal(new Set(keys).size, 1);
  });

  const load = startWriting();
  let dead = -1;
  await t.test('a server dies: writes go on, another one leads, the dead one leaves the endpoints', async () => {
    dead = await leaderOf('kube-controller-manager');
    killBehind(computers[dead]!.server!);
    const diedMs = performance.now();
    await until('writes', async () => load.lastMs() > diedMs + 200, 20_000);
    const alive = computers[(dead + 1) % SERVERS]!;
    const client = await alive.client();
    const labels = { app: 'web' };
    await client.for(deployments, 'default').create({ metadata: { name: 'web' }, spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } } } });
    await until('the new leader to make pods', async () => (await client.for(pods, 'default').list({ labelSelector: 'app=web' })).items.length === 2, 60_000);
    t.diagnostic(`pods of a new deployment ${Math.round(performance.now() - diedMs)} ms after the leader died`);
    assert.notEqual(await leaderOf('kube-controller-manager'), dead);
    await until('the dead server to leave the endpoints', async () => !(await answersAt(alive.address)).includes(computers[dead]!.address), 60_000);
  });

  await t.test('an etcd member dies: writes go on, and when it is back another may die', async () => {
    for (const index of [0, 1]) {
      killBehind(computers[index]!.etcd!);
      const diedMs = performance.now();
      await until('writes', async () => load.lastMs() > diedMs + 500, 30_000);
      t.diagnostic(`member ${index} killed`);
      computers[index]!.startEtcd();
      await until('the member to be back', async () => {
        const [first, ...rest] = computers[index]!.machine.enter(['etcdctl', '--endpoints', `https://${computers[index]!.address}:2379`, '--cacert', join(directory, 'ca.crt'), '--cert', join(directory, 'member.crt'), '--key', join(directory, 'member.key'), 'endpoint', 'health']);
        return (await run(first!, rest, { timeoutMs: 10_000, env: { ...process.env, ETCDCTL_API: '3' } })).code === 0;
      });
    }
  });

  await t.test('the dead server comes back without its token; all that was acknowledged is on every server', async () => {
    computers[dead]!.serve(...storeFlags);
    for (const one of computers) await until(`${one.address} to answer with all three`, async () => (await answersAt(one.address)).length === SERVERS);
    await load.stop();
    t.diagnostic(`${load.acked.size} creates acknowledged`);
    assert.ok(load.acked.size > 20);
    for (const one of computers) {
      const { items } = await (await one.client()).for(configmaps, 'default').list();
      const found = new Set(items.map((item) => item.metadata.name));
      assert.deepEqual([...load.acked].filter((name) => !found.has(name)), [], one.address);
    }
  });

  await t.test('an agent goes on with another server when the one it uses dies', async () => {
    const printed = await computers[0]!.kubernode('token', 'create', '--print-join');
    assert.equal(printed.code, 0, printed.stderr);
    const words = printed.stdout.trim().split(' ').slice(2);
    words[words.indexOf('--server') + 1] = computers.map(({ url }) => url).join(',');
    agent.serveAgent(...words);
    const name = `computer-${SERVERS + 1}`;
    const client = await computers[1]!.client();
    const isReady = async (): Promise<boolean> => (await client.for(nodes).get(name)).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
    await until('the agent to be Ready', isReady);

    // The first that it was given is the one that it uses.
    killBehind(computers[0]!.server!);
    const diedMs = Date.now();
    await client.for(pods, 'default').create({
      metadata: { name: 'after' },
      spec: { nodeName: name, terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [{ name: 'after', image: 'nowhere.invalid/none', imagePullPolicy: 'Never' }] },
    });
    await until('the agent to see a pod, and to tell of it', async () => (await client.for(pods, 'default').get('after')).status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull');
    t.diagnostic(`the agent has told of a new pod ${Date.now() - diedMs} ms after its server died`);
    await until('the lease of the node to be renewed', async () => Date.parse((await client.for(leases, 'kube-node-lease').get(name)).spec!.renewTime!) > diedMs + 1_000);
    await until('the node to be Ready', isReady);
    await client.for(pods, 'default').delete('after');
    await until('the agent to end the pod', async () => (await client.for(pods, 'default').list({ fieldSelector: 'metadata.name=after' })).items.length === 0);
    assert.match(agent.log(), /going on with another API server/);
    killBehind(agent.server!);
    const gone = await agent.kubernode('reset', '--yes');
    assert.equal(gone.code, 0, gone.stderr);
  });
});
