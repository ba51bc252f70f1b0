/** `kubernode status`, `logs`, `kubeconfig`: looking at a cluster from outside. */
import { spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { nodes as nodesResource } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { systemRandom } from '#base/random';
import { kubeconfigText, readKubeconfig } from '#client/kubeconfig';
import { generateKey, issueCertificate, privateKeyPem, readAuthority, type Authority, type Certified } from '#pki/certificate';
import { COMPONENT_USERS } from '#pki/cluster-pki';
import { keyFiles } from '#pki/key-files';
import { ensureDnsRights } from './addons.ts';
import { adminClient } from './cluster-client.ts';
import { DNS_USER } from './dns-user.ts';
import { clusterPaths } from './layout.ts';
import { clusterProcesses } from './local-cluster.ts';
import { table } from './table.ts';
import { UserError } from './terminal.ts';
import { requireCluster } from './up.ts';
import { kubeconfigFor } from './user-kubeconfig.ts';

interface NodeStatus { name: string; ready: boolean; address: string; podCidr: string }
interface ProcessRow { name: string; pid: number; rssBytes: number }

export async function status(options: { dataDir: string; output?: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  const processes: ProcessRow[] = clusterProcesses(config).filter((entry) => entry.pid !== undefined).map(({ name, pid }) => ({ name, pid: pid!, rssBytes: residentBytes(pid!) }));
  const nodes = await nodeStatuses(config.dataDir).catch(() => undefined);
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ apiServer: { port: config.apiPort, ready: nodes !== undefined }, nodes: nodes ?? [], processes }, undefined, 2)}\n`);
    return;
  }
  if (options.output !== undefined) throw new UserError(`-o ${options.output}: only json`);
  process.stdout.write(table(['NODE', 'READY', 'ADDRESS', 'PODS'], (nodes ?? []).map((node) => [node.name, String(node.ready), node.address, node.podCidr])));
  process.stdout.write('\n');
  process.stdout.write(table(['PROCESS', 'PID', 'MEMORY'], processes.map((row) => [row.name, String(row.pid), `${(row.rssBytes / 2 ** 20).toFixed(1)} MiB`])));
  if (nodes === undefined) process.stdout.write('\nThe API server does not answer: kubernode up starts what is missing, kubernode logs control-plane tells why.\n');
}

async function nodeStatuses(dataDir: string): Promise<NodeStatus[]> {
  const client = await adminClient(dataDir);
  try {
    const { items } = await client.for(nodesResource).list({ signal: AbortSignal.timeout(3_000) });
    return items.map((node) => ({
      name: node.metadata.name ?? '',
      ready: node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true,
      address: node.status?.addresses?.find((address) => address.type === 'InternalIP')?.address ?? '',
      podCidr: node.spec?.podCIDR ?? '',
    }));
  } finally {
    await client.close();
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** @param name a process of `kubernode status`; absent: lists them. */
export async function logs(name: string | undefined, options: { dataDir: string; follow?: boolean; tail?: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  const { logs: dir } = clusterPaths(config.dataDir);
  const names = existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -4)) : [];
  if (name === undefined) {
    process.stdout.write(names.map((entry) => `${entry}\n`).join(''));
    return;
  }
  if (!names.includes(name)) throw new UserError(`no logs of ${name}: there are ${names.join(', ') || 'none yet'}`);
  await new Promise<void>((resolve, reject) => {
    const child = spawn('tail', ['-n', options.tail ?? '+1', ...(options.follow === true ? ['-F'] : []), join(dir, `${name}.log`)], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', () => resolve());
  });
}

const COMPONENTS = { 'controller-manager': COMPONENT_USERS.controllerManager, scheduler: COMPONENT_USERS.scheduler, proxy: COMPONENT_USERS.proxy, dns: DNS_USER } as const;
export type ComponentName = keyof typeof COMPONENTS;

/** @param options.component its own identity, instead of the administrator's: for components that run alone. The DNS server gets its rights as well, which no default role gives. */
export async function printKubeconfig(options: { dataDir: string; component?: ComponentName }): Promise<void> {
  const paths = clusterPaths(options.dataDir);
  if (!existsSync(paths.adminKubeconfig)) throw new UserError(`there is no kubeconfig in ${options.dataDir}: kubernode up, server or apiserver makes it`);
  if (options.component === undefined) { process.stdout.write(readFileSync(paths.adminKubeconfig, 'utf8')); return; }
  const cluster = (await readKubeconfig(paths.adminKubeconfig)).clusters[0]?.cluster;
  const files = keyFiles(paths.pki);
  const [certificate, key] = [files.read('ca.crt'), files.read('ca.key')];
  if (cluster === undefined || certificate === undefined || key === undefined) throw new UserError(`the cluster's authority is not in ${paths.pki}: run this where the API server runs`);
  if (options.component === 'dns') {
    const client = await adminClient(options.dataDir);
    await ensureDnsRights(client, AbortSignal.timeout(API_ANSWER_MS_MAX)).finally(() => client.close());
  }
  const identity = clientIdentity(readAuthority(certificate, key), COMPONENTS[options.component]);
  process.stdout.write(kubeconfigText(kubeconfigFor('kubernode', options.component, cluster.server, { authority: { certificatePem: certificate } }, identity)));
}

const API_ANSWER_MS_MAX = 10_000;
const DAY_MS = 24 * 3600_000;
const IDENTITY_DAYS = 365;
const CLOCK_SKEW_MS = 300_000;

function clientIdentity(authority: Authority, user: string): Certified {
  const key = generateKey();
  const now = systemClock.now();
  const certificatePem = issueCertificate(authority, {
    subject: { commonName: user }, publicKey: createPublicKey(key), usages: ['digital signature', 'key encipherment', 'client auth'],
    names: { dnsNames: [], ipAddresses: [] }, notBeforeMs: now - CLOCK_SKEW_MS, notAfterMs: Math.min(now + IDENTITY_DAYS * DAY_MS, authority.notAfterMs),
  }, systemRandom);
  return { certificatePem, privateKeyPem: privateKeyPem(key) };
}
