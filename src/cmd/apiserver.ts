/** `kubernode apiserver`: the API server by itself, with its own certificate authority and an administrator's kubeconfig. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createAuditLog, type AuditLog } from '#apiserver/audit/audit-log';
import { fileSink } from '#apiserver/audit/file-sink';
import { parseAuditPolicy } from '#apiserver/audit/policy';
import { createApiServer } from '#apiserver/server';
import { systemClock } from '#base/clock';
import { jsonLogger, type Logger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { writeKubeconfig } from '#client/kubeconfig';
import { featureGates, parseFeatureGates } from '#component/feature-gates';
import { KNOWN_FEATURES } from '#component/known-features';
import { clusterPki, type ClusterPki } from '#pki/cluster-pki';
import type { StorageEngine } from '#storage/contract';
import { clusterPaths } from './layout.ts';
import { UserError } from './terminal.ts';

export interface ApiServerCommand {
  readonly dataDir: string;
  readonly securePort: string;
  readonly bindAddress: string;
  readonly storage: string;
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly featureGates?: string;
  readonly runtimeConfig?: string;
}

const SERVICE_ADDRESS = '10.96.0.1';

export async function runApiServer(command: ApiServerCommand): Promise<void> {
  const paths = clusterPaths(command.dataDir);
  await mkdir(command.dataDir, { recursive: true, mode: 0o700 });
  const log = jsonLogger((line) => process.stderr.write(line), () => systemClock.now());
  const pki = clusterPki({ directory: paths.pki, clock: systemClock, random: systemRandom, serviceAddress: SERVICE_ADDRESS, addresses: [command.bindAddress] });
  const storage = await openStorage(command.storage, paths.storage, log);
  const gates = featureGates(KNOWN_FEATURES, parseFeatureGates(command.featureGates ?? ''));
  const audit = auditLogOf(command, log);
  const advertise = `${command.bindAddress}:${command.securePort}`;
  const server = createApiServer({
    storage, clock: systemClock, random: systemRandom, log, metrics: new MetricsRegistry(), pki, advertise,
    runtimeConfig: parseSwitches(command.runtimeConfig ?? ''), featureEnabled: gates.enabled, ...(audit === undefined ? {} : { audit }),
  });
  const stop = new AbortController();
  const started = performance.now();
  await server.start(stop.signal);
  const { host, port } = await server.listen({ host: command.bindAddress, port: Number(command.securePort) });
  await writeKubeconfig(paths.adminKubeconfig, adminKubeconfig(pki, `https://${host.includes(':') ? `[${host}]` : host}:${port}`));
  log.info('API server is ready', { address: `${host}:${port}`, kubeconfig: paths.adminKubeconfig, milliseconds: Math.round(performance.now() - started) });
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  stop.abort();
  await server.stop();
  await storage.close();
}

/** Without a policy and a place to write to nothing is audited, as upstream. @throws UserError */
function auditLogOf({ auditPolicyFile, auditLogPath }: ApiServerCommand, log: Logger): AuditLog | undefined {
  if (auditPolicyFile === undefined || auditLogPath === undefined) return undefined;
  const sink = auditLogPath === '-' ? { write: (line: string) => { process.stdout.write(line); } } : fileSink({ path: auditLogPath, clock: systemClock, log });
  try {
    return createAuditLog({ policy: parseAuditPolicy(readFileSync(auditPolicyFile, 'utf8'), auditPolicyFile), sink, clock: systemClock });
  } catch (error) {
    throw new UserError(`the audit policy cannot be read: ${(error as Error).message}`);
  }
}

/** @throws UserError for an engine that does not exist. */
export async function openStorage(engine: string, directory: string, log: Logger): Promise<StorageEngine> {
  if (engine === 'memory') return (await import('#storage/memory/memory-storage')).createMemoryStorage({ clock: systemClock });
  if (engine === 'embedded') {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return (await import('#storage/embedded/embedded-storage')).openEmbeddedStorage({
      directory, clock: systemClock, log,
      // What reached the disk is only known after opening it again: whoever runs this process starts it anew.
      onFailure: (error) => { log.error('the store has failed; ending to start again', { error }); process.exit(74); },
    });
  }
  throw new UserError(`there is no storage engine ${JSON.stringify(engine)}: use embedded or memory`);
}

function parseSwitches(text: string): Map<string, boolean> {
  const switches = new Map<string, boolean>();
  for (const part of text.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
    const [name, value] = part.split('=');
    if (value !== undefined && value !== 'true' && value !== 'false') throw new UserError(`${JSON.stringify(part)}: write NAME=true or NAME=false`);
    switches.set(name!, value !== 'false');
  }
  return switches;
}

function adminKubeconfig(pki: ClusterPki, server: string): Parameters<typeof writeKubeconfig>[1] {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  return {
    apiVersion: 'v1', kind: 'Config', 'current-context': 'kubernode',
    clusters: [{ name: 'kubernode', cluster: { server, 'certificate-authority-data': base64(pki.authority.certificatePem) } }],
    users: [{ name: 'kubernode-admin', user: { 'client-certificate-data': base64(pki.admin.certificatePem), 'client-key-data': base64(pki.admin.privateKeyPem) } }],
    contexts: [{ name: 'kubernode', context: { cluster: 'kubernode', user: 'kubernode-admin' } }],
  };
}
