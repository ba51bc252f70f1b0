/** What a pod's operating system rules out, and what user namespaces and Windows host processes demand. */
import type { PodSpec } from '#api/generated/core/v1';
import type { Faults } from './faults.ts';
import { containersWithPlaces } from './pod-annotations.ts';
import type { PodRules } from './pod-rules.ts';

const WINDOWS_TEXT = 'cannot be set for a windows pod';
const LINUX_TEXT = 'windows options cannot be set for a linux pod';
const LINUX_ONLY_CONTAINER_FIELDS = ['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged',
  'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'] as const;
const LINUX_ONLY_POD_FIELDS = ['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', 'runAsUser',
  'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'] as const;

export function checkOs(spec: PodSpec, place: string, faults: Faults): void {
  const name = spec.os?.name;
  if (!name) return faults.required(`${place}.os.name`);
  if (name === 'linux') checkLinux(spec, place, faults);
  else if (name === 'windows') checkWindows(spec, place, faults);
  else faults.notSupported(`${place}.os`, name, ['linux', 'windows']);
}

function checkLinux(spec: PodSpec, place: string, faults: Faults): void {
  if (spec.securityContext?.windowsOptions) faults.forbidden(`${place}.securityContext.windowsOptions`, LINUX_TEXT);
  for (const [container, at] of containersWithPlaces(spec, place)) {
    if (container.securityContext?.windowsOptions) faults.forbidden(`${at}.securityContext.windowsOptions`, LINUX_TEXT);
  }
}

function checkWindows(spec: PodSpec, place: string, faults: Faults): void {
  const context = spec.securityContext ?? {};
  for (const field of LINUX_ONLY_POD_FIELDS) {
    const value = context[field];
    if (value === undefined || (field === 'sysctls' && (value as unknown[]).length === 0)) continue;
    faults.forbidden(`${place}.securityContext.${field}`, WINDOWS_TEXT);
  }
  for (const field of ['hostUsers', 'shareProcessNamespace'] as const) if (spec[field] !== undefined) faults.forbidden(`${place}.${field}`, WINDOWS_TEXT);
  for (const field of ['hostPID', 'hostIPC'] as const) if (spec[field]) faults.forbidden(`${place}.${field}`, WINDOWS_TEXT);
  for (const [container, at] of containersWithPlaces(spec, place)) {
    for (const field of LINUX_ONLY_CONTAINER_FIELDS) {
      if (container.securityContext?.[field] !== undefined) faults.forbidden(`${at}.securityContext.${field}`, WINDOWS_TEXT);
    }
  }
}

export function checkWindowsHostProcess(spec: PodSpec, place: string, faults: Faults): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const containers = containersWithPlaces(spec, place);
  let hostProcesses = 0;
  for (const [container, at] of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      faults.invalid(`${at}.securityContext.windowsOptions.hostProcess`, own, `pod hostProcess value must be identical if both are specified, was ${ofPod}`);
    }
    if (own ?? ofPod) hostProcesses += 1;
  }
  if (hostProcesses === 0) return;
  if (hostProcesses !== containers.length) {
    faults.invalid(place, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers');
  }
  if (!spec.hostNetwork) faults.invalid(`${place}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers');
}

/** A pod with its own users shares no other namespace with the host. */
export function checkUserNamespace(spec: PodSpec, place: string, faults: Faults, rules: PodRules): void {
  if (spec.hostUsers !== false) return;
  const text = 'when `hostUsers` is false';
  if (spec.hostNetwork && !rules.gate('UserNamespacesHostNetworkSupport')) faults.forbidden(`${place}.hostNetwork`, text);
  if (spec.hostPID) faults.forbidden(`${place}.HostPID`, text);
  if (spec.hostIPC) faults.forbidden(`${place}.HostIPC`, text);
  if (rules.tolerated.devicesWithUserNamespace) return;
  for (const [container, at] of containersWithPlaces(spec, place)) if (container.volumeDevices?.length) faults.forbidden(`${at}.volumeDevices`, text);
}
