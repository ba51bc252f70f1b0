/** `kubernode apiserver`: the API server by itself, with its own certificate authority and an administrator's kubeconfig. */
import { UnknownPluginError } from '#apiserver/admission/registry';
import { createAuditLog, type AuditLog } from '#apiserver/audit/audit-log';
import { fileSink } from '#apiserver/audit/file-sink';
import { AuditPolicyError, parseAuditPolicy } from '#apiserver/audit/policy';
import { connectHandlers } from '#apiserver/proxy/connect-handlers';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { snapshotRoute } from '#apiserver/snapshot-route';
import { systemClock } from '#base/clock';
import { jsonLogger, type Logger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { writeKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { featureGates, parseFeatureGates } from '#component/feature-gates';
import { KNOWN_FEATURES } from '#component/known-features';
import { clusterPki, type ClusterPki } from '#pki/cluster-pki';
import { openEtcdFace, type RunningFace } from './etcd-face.ts';
import { portOf, usableDataDir } from './flag-values.ts';
import { clusterPaths } from './layout.ts';
import { runUntilSignal } from './process-life.ts';
import { openStorage, readFlagFile, storageSettings, type StorageFlags } from './storage-engine.ts';
import { listenFailure, UserError } from './terminal.ts';

export interface ApiServerCommand extends StorageFlags {
  readonly dataDir: string;
  readonly securePort: string;
  readonly bindAddress: string;
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly featureGates?: string;
  readonly runtimeConfig?: string;
  readonly enableAdmissionPlugins?: string;
  readonly disableAdmissionPlugins?: string;
}

const SERVICE_ADDRESS = '10.96.0.1';

export async function runApiServer(command: ApiServerCommand): Promise<void> {
  const paths = clusterPaths(command.dataDir);
  const port = portOf(command.securePort, '--secure-port');
  const settings = storageSettings(command);
  usableDataDir(command.dataDir);
  const log = jsonLogger((line) => process.stderr.write(line), () => systemClock.now());
  const audit = auditOf(command, log);
  const gates = featureGates(KNOWN_FEATURES, parseFeatureGates(command.featureGates ?? ''));
  const runtimeConfig = parseSwitches(command.runtimeConfig ?? '');
  const pki = clusterPki({ directory: paths.pki, clock: systemClock, random: systemRandom, serviceAddress: SERVICE_ADDRESS, addresses: [command.bindAddress] });
  const storage = await openStorage(settings, paths.storage, log);
  const advertise = `${command.bindAddress}:${port}`;
  let own: Client | undefined;
  const proxy = {
    get client() { return own ??= createClient({ transport: server.transport({ name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }), clock: systemClock, userAgent: 'kubernode/v1.36 system:apiserver' }); },
    tls: { key: pki.kubeletClient.privateKeyPem, cert: pki.kubeletClient.certificatePem, ca: pki.authority.certificatePem },
  };
  const server: ApiServer = withKnownPlugins(() => createApiServer({
    storage, clock: systemClock, random: systemRandom, log, metrics: new MetricsRegistry(), pki, advertise,
    settings: settingsOf(command), runtimeConfig, admissionSwitches: { enable: namesOf(command.enableAdmissionPlugins), disable: namesOf(command.disableAdmissionPlugins) }, featureEnabled: gates.enabled, connectHandlers: connectHandlers(proxy, systemRandom), mounted: [snapshotRoute(storage, systemClock)], ...(audit === undefined ? {} : { audit: audit.audit }),
  }));
  let face: RunningFace | undefined;
  await runUntilSignal(log, {
    async start(signal) {
      const startedMs = performance.now();
      face = await openEtcdFace(storage, settings.etcdListen, { pki, log, name: 'kubernode' });
      await server.start(signal);
      const bound = await server.listen({ host: command.bindAddress, port }).catch((error: unknown) => { throw listenFailure(error, `${command.bindAddress}:${port}`, '--secure-port'); });
      const address = `${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${bound.port}`;
      await writeKubeconfig(paths.adminKubeconfig, adminKubeconfig(pki, `https://${address}`));
      log.info('API server is ready', { address, kubeconfig: paths.adminKubeconfig, milliseconds: Math.round(performance.now() - startedMs) });
    },
    async stop() {
      await server.stop();
      await own?.close();
      await face?.close();
      await storage.close();
      await audit?.close();
    },
  });
}

function namesOf(list = ''): string[] {
  return list.split(',').map((name) => name.trim()).filter((name) => name !== '');
}

/** @throws UserError when a switch names no admission plugin */
function withKnownPlugins<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (error instanceof UnknownPluginError) throw new UserError(`--${error.message}`);
    throw error;
  }
}

/** The flags as `/flagz` shows them. */
function settingsOf(command: ApiServerCommand): Record<string, string> {
  const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(command).flatMap(([name, value]) => (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? [[dashed(name), String(value)]] : [])));
}

/** @throws UserError when only one of the two flags is given, or the policy is none. */
function auditOf(command: ApiServerCommand, log: Logger): { readonly audit: AuditLog; close(): Promise<void> } | undefined {
  const { auditPolicyFile, auditLogPath } = command;
  if (auditPolicyFile === undefined && auditLogPath === undefined) return undefined;
  if (auditPolicyFile === undefined || auditLogPath === undefined) throw new UserError('give --audit-policy-file and --audit-log-path together');
  try {
    const policy = parseAuditPolicy(readFlagFile('--audit-policy-file', auditPolicyFile).toString('utf8'), auditPolicyFile);
    if (auditLogPath === '-') return { audit: createAuditLog({ policy, sink: { write: (line) => { process.stdout.write(line.endsWith('\n') ? line : `${line}\n`); } }, clock: systemClock }), async close() {} };
    const sink = fileSink({ path: auditLogPath, clock: systemClock, log });
    return { audit: createAuditLog({ policy, sink, clock: systemClock }), close: () => sink.close() };
  } catch (error) {
    if (error instanceof AuditPolicyError) throw new UserError(`--audit-policy-file ${error.message}`);
    throw error;
  }
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
