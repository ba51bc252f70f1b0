/**
 * Pod → CRI sandbox config. Pure.
 */
import type { Pod } from '#api/generated/core/v1';
import type { DnsConfig, LinuxResources, PortMapping, SandboxConfig } from '../cri/contract.ts';
import { containersOf } from './container-list.ts';
import { podAnnotations, podLabels } from './labels.ts';
import { sandboxSecurityContext } from './security-context.ts';

export interface SandboxFacts {
  attempt: number;
  /** What the kernel is told. */
  hostname: string;
  dns: DnsConfig;
  logDirectory: string;
  cgroupParent: string;
  resources?: LinuxResources;
  overhead?: LinuxResources;
}

export function sandboxConfig(pod: Pod, facts: SandboxFacts): SandboxConfig {
  const sysctls = Object.fromEntries((pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name.replaceAll('/', '.'), value]));
  return {
    metadata: { name: pod.metadata.name!, namespace: pod.metadata.namespace!, uid: pod.metadata.uid!, attempt: facts.attempt },
    // A pod in the node's UTS namespace must not name it.
    hostname: pod.spec?.hostNetwork === true ? '' : facts.hostname,
    logDirectory: facts.logDirectory,
    dnsConfig: facts.dns,
    portMappings: pod.spec?.hostNetwork === true ? [] : portMappings(pod),
    labels: podLabels(pod),
    annotations: podAnnotations(pod),
    linux: {
      cgroupParent: facts.cgroupParent, sysctls, securityContext: sandboxSecurityContext(pod),
      ...(facts.resources === undefined ? {} : { resources: facts.resources }), ...(facts.overhead === undefined ? {} : { overhead: facts.overhead }),
    },
  };
}

function portMappings(pod: Pod): PortMapping[] {
  return containersOf(pod).filter(({ kind }) => kind !== 'ephemeral').flatMap(({ container }) => (container.ports ?? []).map((port) => ({
    protocol: (port.protocol ?? 'TCP') as PortMapping['protocol'], containerPort: port.containerPort, hostPort: port.hostPort ?? 0, hostIp: port.hostIP ?? '',
  })));
}
