/** `kubernode kubelet`: the kubelet of this machine by itself, with upstream's flags. */
import { hostname, networkInterfaces } from 'node:os';
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { httpsTransport } from '#client/https-transport';
import { createClient } from '#client/rest-client';
import { readConfigFile } from '#component/config-file';
import { healthServer } from '#component/health-server';
import { kubeletConfig, type KubeletConfig } from '#kubelet/config';
import { KUBELET_CONFIG_VERSIONS, kubeletConfigFrom } from '#kubelet/config-file';
import { createKubelet } from '#kubelet/kubelet';
import { streamingRoutes } from '#kubelet/server/streaming/streaming-routes';
import { connectionFor } from './component-process.ts';
import { portOf, wholeNumber } from './flag-values.ts';
import { parseManifests } from './node-parts.ts';
import { runUntilSignal } from './process-life.ts';
import { readFlagFile } from './storage-engine.ts';
import { UserError } from './terminal.ts';
import { VERSION } from './version.ts';

const PODS_MAX = 10_000;

export interface KubeletCommand {
  readonly kubeconfig?: string;
  readonly config?: string;
  readonly containerRuntimeEndpoint?: string;
  readonly rootDir?: string;
  readonly nodeIp?: string;
  readonly hostnameOverride?: string;
  readonly clusterDns?: string;
  readonly clusterDomain?: string;
  readonly podManifestPath?: string;
  readonly cgroupRoot?: string;
  readonly maxPods?: string;
  readonly nodeLabels?: string;
  readonly registerWithTaints?: string;
  readonly resolvConf?: string;
  readonly port?: string;
  readonly healthzPort?: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
}

export async function runKubelet(command: KubeletCommand): Promise<void> {
  const log = jsonLogger((line) => process.stdout.write(line), () => systemClock.now());
  const metrics = new MetricsRegistry();
  const context = { clock: systemClock, random: systemRandom, metrics, log };
  const config = await configOf(command);
  const client = command.kubeconfig === undefined ? undefined : createClient({
    transport: httpsTransport({ ...await connectionFor(command.kubeconfig), clock: systemClock }), clock: systemClock, userAgent: 'kubelet/v1.36',
  });
  const serving = servingOf(command);
  const kubelet = createKubelet({
    ...context, config, version: VERSION, parseManifests, streaming: streamingRoutes, ...(client === undefined ? {} : { client }), ...(serving === undefined ? {} : { serving }),
  });
  const health = healthServer({ name: 'kubelet', host: '127.0.0.1', port: config.healthzPort, metrics, log });
  await runUntilSignal(log, {
    start: async (signal) => { await kubelet.start(signal); await health.start(signal); },
    stop: async () => { await health.stop(); await kubelet.stop(); await client?.close(); },
  });
}

/** Flags win over the file. @throws ConfigError, UserError */
async function configOf(command: KubeletCommand): Promise<KubeletConfig> {
  const fromFile = command.config === undefined ? {} : kubeletConfigFrom(await readConfigFile(command.config, 'KubeletConfiguration', KUBELET_CONFIG_VERSIONS));
  const nodeName = (command.hostnameOverride ?? hostname()).toLowerCase();
  const endpoint = command.containerRuntimeEndpoint;
  return kubeletConfig({
    ...fromFile, nodeName, nodeIps: command.nodeIp?.split(',') ?? [firstAddress()],
    ...(endpoint === undefined ? {} : { runtimeEndpoint: endpoint, imageEndpoint: endpoint }),
    ...(command.rootDir === undefined ? {} : { rootDir: command.rootDir }),
    ...(command.clusterDns === undefined ? {} : { clusterDns: command.clusterDns.split(',') }),
    ...(command.clusterDomain === undefined ? {} : { clusterDomain: command.clusterDomain }),
    ...(command.podManifestPath === undefined ? {} : { podManifestPath: command.podManifestPath }),
    ...(command.cgroupRoot === undefined ? {} : { cgroupRoot: command.cgroupRoot }),
    ...(command.maxPods === undefined ? {} : { maxPods: wholeNumber(command.maxPods, '--max-pods', 1, PODS_MAX) }),
    ...(command.nodeLabels === undefined ? {} : { nodeLabels: labelsOf(command.nodeLabels) }),
    ...(command.registerWithTaints === undefined ? {} : { registerWithTaints: taintsOf(command.registerWithTaints) }),
    ...(command.resolvConf === undefined ? {} : { resolvConf: command.resolvConf }),
    ...(command.port === undefined ? {} : { port: portOf(command.port, '--port') }),
    ...(command.healthzPort === undefined ? {} : { healthzPort: portOf(command.healthzPort, '--healthz-port') }),
  });
}

function servingOf(command: KubeletCommand): { certificate: string; key: string; clientCa: string } | undefined {
  const { tlsCertFile, tlsPrivateKeyFile, clientCaFile } = command;
  if (tlsCertFile === undefined && tlsPrivateKeyFile === undefined) return undefined;
  if (tlsCertFile === undefined || tlsPrivateKeyFile === undefined || clientCaFile === undefined) throw new UserError('--tls-cert-file, --tls-private-key-file and --client-ca-file belong together');
  return { certificate: readFlagFile('--tls-cert-file', tlsCertFile).toString('utf8'), key: readFlagFile('--tls-private-key-file', tlsPrivateKeyFile).toString('utf8'), clientCa: readFlagFile('--client-ca-file', clientCaFile).toString('utf8') };
}

export function firstAddress(): string {
  const found = Object.values(networkInterfaces()).flat().find((entry) => entry !== undefined && !entry.internal && entry.family === 'IPv4');
  return found?.address ?? '127.0.0.1';
}

export function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split(',').filter((pair) => pair !== '').map((pair) => {
    const at = pair.indexOf('=');
    if (at === -1) throw new UserError(`--node-labels ${pair}: key=value is expected`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

/** `key=value:Effect`. */
export function taintsOf(text: string): { key: string; value?: string; effect: string }[] {
  return text.split(',').filter((taint) => taint !== '').map((taint) => {
    const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(taint);
    if (match === null) throw new UserError(`--register-with-taints ${taint}: key=value:Effect is expected`);
    return { key: match[1]!, effect: match[3]!, ...(match[2] === undefined ? {} : { value: match[2] }) };
  });
}
