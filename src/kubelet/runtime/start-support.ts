/**
 * What the node gives to pods that start: sandbox configs, environments, mounts with the hosts file, security facts.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '#base/clock';
import type { Container, Pod, Service } from '#api/generated/core/v1';
import { runtimeclasses } from '#api/generated/node/v1';
import type { Client } from '#client/client';
import type { Informer } from '#client/informer-contract';
import { within } from '#component/component-group';
import type { PodCgroups } from '../cgroups/pod-cgroups.ts';
import type { KubeletConfig } from '../config.ts';
import type { Mount, SandboxConfig } from '../cri/contract.ts';
import type { PodPaths } from '../paths.ts';
import { parseResolvConf, podDns } from '../translation/dns.ts';
import { containerEnvironment } from '../translation/environment.ts';
import { hostNames, hostNetworkHostsFile, hostsFile, kernelHostname } from '../translation/hostname.ts';
import { sandboxConfig } from '../translation/sandbox-config.ts';
import { serviceEnvironment, servicesFor } from '../translation/service-env.ts';
import type { ObjectCache } from '../volumes/object-cache.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { StartSupport } from './container-starter.ts';
import type { PodEvents } from './pod-events.ts';

/** A kubelet that has just started reads the services first. */
const SERVICES_WAIT_MS = 10_000;

export interface NodeSupport {
  config: KubeletConfig;
  clock: Clock;
  services: Informer<Service> | undefined;
  cgroups: Pick<PodCgroups, 'pathOf'>;
  agent: { allocatable(): Readonly<Record<string, string>>; memoryCapacityBytes(): number; onImage(id: string): void };
}

export function sandboxConfigs(options: NodeSupport, paths: PodPaths, events: PodEvents): (pod: Pod, attempt: number) => SandboxConfig {
  const { config } = options;
  return (pod, attempt) => {
    if (pod.spec?.hostUsers === false) throw new Error('user namespaces are not supported by the container runtime of this node');
    const host = config.resolvConf === '' ? { servers: [], searches: [], options: [] } : parseResolvConf(readOrEmpty(config.resolvConf));
    const dns = podDns(pod, { clusterDns: config.clusterDns, clusterDomain: config.clusterDomain, host });
    for (const { reason, message } of dns.warnings) events.pod(pod, 'Warning', reason, message);
    return sandboxConfig(pod, {
      attempt, hostname: kernelHostname(pod, hostNames(pod, config.clusterDomain)), dns: dns.config, logDirectory: paths.logs(pod), cgroupParent: options.cgroups.pathOf(pod),
    });
  };
}

function readOrEmpty(path: string): string {
  try { return readFileSync(path, 'utf8'); } catch { return ''; }
}

/** @throws StatusError when the class does not exist. */
export async function runtimeHandler(client: Client | undefined, pod: Pod): Promise<string> {
  const name = pod.spec?.runtimeClassName;
  if (name === undefined || name === '' || client === undefined) return '';
  return (await client.for(runtimeclasses).get(name)).handler;
}

interface SupportParts {
  paths: PodPaths;
  objects: ObjectCache;
  volumes: VolumeManager;
  ensureImage: StartSupport['ensureImage'];
  events: PodEvents;
}

export function startSupport(options: NodeSupport, parts: SupportParts): StartSupport {
  const { config } = options;
  const environment: StartSupport['environment'] = async (pod, container, podIps) => {
    if (options.services !== undefined && !options.services.hasSynced()) await within(options.clock, SERVICES_WAIT_MS, 'services have not yet been read at least once, cannot construct envvars', (signal) => options.services!.whenSynced(signal));
    return containerEnvironment(pod, container, {
    configMap: parts.objects.configMap, secret: parts.objects.secret, allocatable: options.agent.allocatable(), network: { podIps, hostIps: config.nodeIps },
    serviceVariables: options.services === undefined ? new Map() : serviceEnvironment(servicesFor(pod.metadata.namespace!, pod.spec?.enableServiceLinks ?? true, options.services)),
    onInvalidKeys: (kind, namespace, name, keys) => parts.events.pod(pod, 'Warning', 'InvalidEnvironmentVariableNames',
      `Keys [${keys.join(', ')}] from the EnvFrom ${kind} ${namespace}/${name} were skipped since they are considered invalid environment variable names.`),
    });
  };
  return {
    environment,
    ensureImage: async (pod, container, sandbox, signal) => {
      const image = await parts.ensureImage(pod, container, sandbox, signal);
      options.agent.onImage(image.id);
      return image;
    },
    mounts: async (pod, container, variables, podIps) => {
      const mounts = await parts.volumes.containerMounts(pod, container, variables);
      const hosts = await hostsMount(config, parts.paths, pod, container, podIps);
      return hosts === undefined ? mounts : [...mounts, hosts];
    },
    devices: async () => [],
    security: (pod) => ({ seccompDefault: config.seccompDefault, seccompDir: join(config.rootDir, 'seccomp'), extraGroups: parts.volumes.extraGroups(pod) }),
    memoryCapacityBytes: options.agent.memoryCapacityBytes,
  };
}

/** Every container shares the pod's /etc/hosts, unless it mounts one itself. */
async function hostsMount(config: KubeletConfig, paths: PodPaths, pod: Pod, container: Container, podIps: readonly string[]): Promise<Mount | undefined> {
  if (podIps.length === 0 || (container.volumeMounts ?? []).some((mount) => mount.mountPath === '/etc/hosts')) return undefined;
  const path = paths.hosts(pod.metadata.uid!);
  const aliases = pod.spec?.hostAliases ?? [];
  const text = pod.spec?.hostNetwork === true
    ? hostNetworkHostsFile(await readFile('/etc/hosts', 'utf8').catch(() => ''), aliases) : hostsFile(podIps, hostNames(pod, config.clusterDomain), aliases);
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeFile(path, text, { mode: 0o644 });
  return { containerPath: '/etc/hosts', hostPath: path, readonly: container.securityContext?.readOnlyRootFilesystem === true };
}
