/**
 * Pod and container security contexts → CRI's. The container's own words win over the pod's.
 */
import { join } from 'node:path';
import type { Capabilities, Container, Pod, PodSecurityContext, SeccompProfile, SecurityContext } from '#api/generated/core/v1';
import type { ContainerSecurityContext, NamespaceOptions, RuntimeImage, SandboxSecurityContext, SecurityProfile } from '../cri/contract.ts';
import { containersOf } from './container-list.ts';

const MASKED_PATHS = [
  '/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface SecurityOptions {
  seccompDefault: boolean;
  /** Localhost profiles live here. */
  seccompDir: string;
  /** Groups that the pod's volumes add. */
  extraGroups?: readonly number[];
  /** The runtime's id of the container whose processes an ephemeral container shares. */
  targetId?: string;
}

function isPrivileged(pod: Pod): boolean {
  return containersOf(pod).some(({ container }) => container.securityContext?.privileged === true);
}

function namespaceOptions(pod: Pod, targetId?: string): NamespaceOptions {
  const spec = pod.spec;
  return {
    network: spec?.hostNetwork === true ? 'NODE' : 'POD',
    ipc: spec?.hostIPC === true ? 'NODE' : 'POD',
    ...(targetId !== undefined ? { pid: 'TARGET' as const, targetId } : { pid: spec?.hostPID === true ? 'NODE' as const : spec?.shareProcessNamespace === true ? 'POD' as const : 'CONTAINER' as const }),
  };
}

export function sandboxSecurityContext(pod: Pod): SandboxSecurityContext {
  const context = pod.spec?.securityContext;
  const groups = podGroups(context);
  return {
    namespaceOptions: namespaceOptions(pod),
    privileged: isPrivileged(pod),
    seccomp: { profileType: 'RuntimeDefault' },
    ...(context?.runAsUser === undefined ? {} : { runAsUser: { value: context.runAsUser } }),
    ...(context?.runAsGroup === undefined || context.runAsUser === undefined ? {} : { runAsGroup: { value: context.runAsGroup } }),
    ...(groups.length === 0 ? {} : { supplementalGroups: groups }),
    ...(context?.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
  };
}

function podGroups(context: PodSecurityContext | undefined): number[] {
  return [...(context?.fsGroup === undefined ? [] : [context.fsGroup]), ...(context?.supplementalGroups ?? [])];
}

/** Container over pod, field by field. */
function effectiveSecurityContext(pod: Pod, container: Container): SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } = pod.spec?.securityContext ?? {};
  const inherited = { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile };
  const own = Object.fromEntries(Object.entries(container.securityContext ?? {}).filter(([, value]) => value !== undefined && value !== null));
  return { ...Object.fromEntries(Object.entries(inherited).filter(([, value]) => value !== undefined)), ...own };
}

/** Upstream's refusal of a root container under runAsNonRoot; undefined when it may run. */
export function nonRootRefusal(pod: Pod, container: Container, image: Pick<RuntimeImage, 'uid' | 'username'>): string | undefined {
  const context = effectiveSecurityContext(pod, container);
  if (context.runAsNonRoot !== true) return undefined;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (context.runAsUser !== undefined) return context.runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined;
  if (image.username !== '') return `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`;
  return (image.uid ?? 0) === 0 ? `container has runAsNonRoot and image will run as root ${where}` : undefined;
}

export function containerSecurityContext(pod: Pod, container: Container, image: Pick<RuntimeImage, 'uid' | 'username'>, options: SecurityOptions): ContainerSecurityContext {
  const context = effectiveSecurityContext(pod, container);
  const privileged = context.privileged === true;
  const unmasked = privileged || context.procMount === 'Unmasked';
  const seccomp = privileged ? { profileType: 'Unconfined' as const } : seccompProfile(context.seccompProfile, options);
  return {
    privileged,
    namespaceOptions: namespaceOptions(pod, options.targetId),
    readonlyRootfs: context.readOnlyRootFilesystem === true,
    noNewPrivs: context.allowPrivilegeEscalation === false,
    supplementalGroups: [...podGroups(pod.spec?.securityContext), ...(options.extraGroups ?? [])],
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READONLY_PATHS,
    seccomp,
    ...(pod.spec?.securityContext?.supplementalGroupsPolicy === 'Strict' ? { supplementalGroupsPolicy: 'Strict' as const } : {}),
    ...userOf(context, image),
    ...(context.capabilities === undefined ? {} : { capabilities: capabilitiesOf(context.capabilities) }),
    ...(context.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
    ...appArmorOf(context),
  };
}

function userOf(context: SecurityContext, image: Pick<RuntimeImage, 'uid' | 'username'>): Pick<ContainerSecurityContext, 'runAsUser' | 'runAsUsername' | 'runAsGroup'> {
  const group = context.runAsGroup === undefined ? {} : { runAsGroup: { value: context.runAsGroup } };
  if (context.runAsUser !== undefined) return { runAsUser: { value: context.runAsUser }, ...group };
  if (image.username !== '') return { runAsUsername: image.username, ...group };
  return { runAsUser: { value: image.uid ?? 0 }, ...group };
}

function capabilitiesOf(capabilities: Capabilities): { addCapabilities: string[]; dropCapabilities: string[] } {
  // containerd ignores names with the kernel's prefix silently.
  const bare = (names: string[] | undefined): string[] => (names ?? []).map((name) => name.replace(/^CAP_/i, ''));
  return { addCapabilities: bare(capabilities.add), dropCapabilities: bare(capabilities.drop) };
}

function seccompProfile(profile: SeccompProfile | undefined, options: SecurityOptions): SecurityProfile {
  switch (profile?.type) {
    case 'RuntimeDefault': return { profileType: 'RuntimeDefault' };
    case 'Localhost': return { profileType: 'Localhost', localhostRef: join(options.seccompDir, profile.localhostProfile ?? '') };
    case 'Unconfined': return { profileType: 'Unconfined' };
    default: return { profileType: options.seccompDefault ? 'RuntimeDefault' : 'Unconfined' };
  }
}

/** RuntimeDefault is not spelled out: where the kernel has no AppArmor, asking for it is an error. */
function appArmorOf(context: SecurityContext): { apparmor?: SecurityProfile } {
  const profile = context.appArmorProfile;
  if (profile?.type === 'Unconfined') return { apparmor: { profileType: 'Unconfined' } };
  return profile?.type === 'Localhost' ? { apparmor: { profileType: 'Localhost', localhostRef: profile.localhostProfile ?? '' } } : {};
}
