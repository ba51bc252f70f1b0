/** The rules of pods' and containers' security contexts. */
import type {
  AppArmorProfile, PodSpec, SeccompProfile, SecurityContext, WindowsSecurityContextOptions,
} from '#api/generated/core/v1';
import { dns1123SubdomainFaults, groupIdFaults, userIdFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { goJsonOf } from './internal-print.ts';
import type { PodRules } from './pod-rules.ts';
import { checkLocalDescendingPath } from './volume-sources.ts';

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const LOCALHOST_PROFILE_BYTES_MAX = 4095;

export function checkSecurityContext(context: SecurityContext | undefined, place: string, faults: Faults, hostUsers: boolean): void {
  if (!context) return;
  checkIds(context, place, faults);
  if (context.procMount !== undefined) {
    if (!['Default', 'Unmasked'].includes(context.procMount)) faults.notSupported(`${place}.procMount`, context.procMount, ['Default', 'Unmasked']);
    if (hostUsers && context.procMount === 'Unmasked') {
      faults.invalid(`${place}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`');
    }
  }
  checkSeccompProfile(context.seccompProfile, `${place}.seccompProfile`, faults);
  if (context.allowPrivilegeEscalation === false) {
    const print = (): unknown => goJsonOf('core/v1.SecurityContext', context);
    if (context.privileged) faults.invalid(place, print(), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    for (const capability of context.capabilities?.add ?? []) {
      if (capability === 'CAP_SYS_ADMIN') {
        faults.invalid(place, print(), 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
      }
    }
  }
  checkWindowsOptions(context.windowsOptions, `${place}.windowsOptions`, faults);
  checkAppArmorProfile(context.appArmorProfile, `${place}.appArmorProfile`, faults);
}

function checkIds(context: { runAsUser?: number; runAsGroup?: number }, place: string, faults: Faults): void {
  if (context.runAsUser !== undefined) faults.invalidAll(`${place}.runAsUser`, context.runAsUser, userIdFaults(context.runAsUser));
  if (context.runAsGroup !== undefined) faults.invalidAll(`${place}.runAsGroup`, context.runAsGroup, groupIdFaults(context.runAsGroup));
}

function checkSeccompProfile(profile: SeccompProfile | undefined, place: string, faults: Faults): void {
  if (!profile) return;
  if (!profile.type) faults.required(`${place}.type`, 'type is required when seccompProfile is set');
  else faults.strictlyOneOf(`${place}.type`, profile.type, PROFILE_TYPES);
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined) faults.required(`${place}.localhostProfile`, 'must be set when seccomp type is Localhost');
    else checkLocalDescendingPath(profile.localhostProfile, `${place}.localhostProfile`, faults);
  } else if (profile.localhostProfile !== undefined) {
    faults.invalid(`${place}.localhostProfile`, goJsonOf('core/v1.SeccompProfile', profile), 'can only be set when seccomp type is Localhost');
  }
}

export function checkAppArmorProfile(profile: AppArmorProfile | undefined, place: string, faults: Faults): void {
  if (!profile) return;
  const at = `${place}.localhostProfile`;
  const wanted = 'must be set when AppArmor type is Localhost';
  const local = profile.localhostProfile;
  if (!profile.type) {
    faults.required(`${place}.type`, 'type is required when appArmorProfile is set');
  } else if (profile.type === 'Localhost') {
    if (local === undefined) return faults.required(at, wanted);
    if (local.trim() !== local) faults.invalid(at, local, 'must not be padded with whitespace');
    else if (local === '') faults.required(at, wanted);
    if (Buffer.byteLength(local) > LOCALHOST_PROFILE_BYTES_MAX) faults.tooLong(at, LOCALHOST_PROFILE_BYTES_MAX);
  } else if (!PROFILE_TYPES.includes(profile.type)) {
    faults.notSupported(`${place}.type`, profile.type, PROFILE_TYPES);
  } else if (local !== undefined) {
    faults.invalid(at, local, 'can only be set when AppArmor type is Localhost');
  }
}

const CREDENTIAL_SPEC_BYTES_MAX = 64 * 1024;
const NET_BIOS_NAME = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const WINDOWS_DOMAIN = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
const DOMAIN_LENGTH_LIMIT = 256;
const USER_LENGTH_MAX = 104;

function checkWindowsOptions(options: WindowsSecurityContextOptions | undefined, place: string, faults: Faults): void {
  if (!options) return;
  const { gmsaCredentialSpecName: specName, gmsaCredentialSpec: spec, runAsUserName: userName } = options;
  if (specName !== undefined) faults.invalidAll(`${place}.gmsaCredentialSpecName`, specName, dns1123SubdomainFaults(specName));
  if (spec === '') faults.invalid(`${place}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string');
  else if (spec !== undefined && Buffer.byteLength(spec) > CREDENTIAL_SPEC_BYTES_MAX) {
    faults.invalid(`${place}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec size must be under 64 KiB');
  }
  if (userName !== undefined) faults.invalidAll(`${place}.runAsUserName`, userName, windowsUserTexts(userName));
}

function windowsUserTexts(userName: string): string[] {
  if (userName === '') return ['runAsUserName cannot be an empty string'];
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(userName)) return ['runAsUserName cannot contain control characters'];
  const parts = userName.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const domain = parts.length === 2 ? parts[0]! : undefined;
  const user = parts.at(-1)!;
  const texts: string[] = [];
  if (domain !== undefined && domain.length >= DOMAIN_LENGTH_LIMIT) texts.push(`runAsUserName's Domain length must be under ${DOMAIN_LENGTH_LIMIT} characters`);
  if (domain !== undefined && !NET_BIOS_NAME.test(domain) && !WINDOWS_DOMAIN.test(domain)) {
    texts.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === '') texts.push("runAsUserName's User cannot be empty");
  else if (user.length > USER_LENGTH_MAX) texts.push(`runAsUserName's User length must not be longer than ${USER_LENGTH_MAX} characters`);
  if (/^[. ]+$/.test(user)) texts.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) texts.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  return texts;
}

const IPC_SYSCTLS = new Set(['sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced', 'shm', 'msgmax', 'msgmnb', 'msgmni', 'msg']
  .map((name) => `kernel.${name}`));
const SYSCTL_NAME_MAX = 253;
const SYSCTL_PATTERN = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const SYSCTL_NAME = new RegExp(SYSCTL_PATTERN);

/** Whether the sysctl belongs to a namespace that this pod shares with its host. */
export function isHostSysctl(name: string, spec: PodSpec): boolean {
  return hostSysctlText(name, spec) !== undefined;
}

function hostSysctlText(name: string, spec: PodSpec): string | undefined {
  const dotted = sysctlWithDots(name);
  if (spec.hostNetwork && dotted.startsWith('net.')) return "may not be specified when 'hostNetwork' is true";
  const isIpc = IPC_SYSCTLS.has(dotted) || dotted.startsWith('fs.mqueue.');
  return spec.hostIPC && isIpc ? "may not be specified when 'hostIPC' is true" : undefined;
}

/** The first separator tells which of `.` and `/` separates; the other is part of a name. */
function sysctlWithDots(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  return separator === '/' ? name.replace(/[./]/g, (character) => (character === '/' ? '.' : '/')) : name;
}

function checkSysctls(spec: PodSpec, place: string, faults: Faults, rules: PodRules): void {
  const seen = new Set<string>();
  for (const [index, { name }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const at = `${place}[${index}].name`;
    if (!name) faults.required(at);
    else if (name.length > SYSCTL_NAME_MAX || !SYSCTL_NAME.test(name)) {
      faults.invalid(at, name, `must have at most ${SYSCTL_NAME_MAX} characters and match regex ${SYSCTL_PATTERN}`);
    } else if (seen.has(name)) faults.duplicate(at, name);
    const hostText = rules.tolerated.hostSysctls ? undefined : hostSysctlText(name ?? '', spec);
    if (hostText) faults.invalid(at, name, hostText);
    seen.add(name);
  }
}

export function checkPodSecurityContext(spec: PodSpec, place: string, faults: Faults, rules: PodRules): void {
  const context = spec.securityContext ?? {};
  if (context.fsGroup !== undefined) faults.invalidAll(`${place}.fsGroup`, context.fsGroup, groupIdFaults(context.fsGroup));
  checkIds(context, place, faults);
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    faults.invalidAll(`${place}.supplementalGroups[${index}]`, group, groupIdFaults(group));
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    faults.invalid(`${place}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  }
  checkSysctls(spec, `${place}.sysctls`, faults, rules);
  if (context.fsGroupChangePolicy !== undefined) {
    faults.strictlyOneOf(`${place}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  }
  checkSeccompProfile(context.seccompProfile, `${place}.seccompProfile`, faults);
  checkWindowsOptions(context.windowsOptions, `${place}.windowsOptions`, faults);
  checkAppArmorProfile(context.appArmorProfile, `${place}.appArmorProfile`, faults);
  if (context.supplementalGroupsPolicy !== undefined) {
    faults.strictlyOneOf(`${place}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  }
  if (context.seLinuxChangePolicy !== undefined) {
    const policies = rules.gate('SELinuxMount') || rules.tolerated.seLinuxChangePolicy ? ['MountOption', 'Recursive'] : ['Recursive'];
    faults.strictlyOneOf(`${place}.seLinuxChangePolicy`, context.seLinuxChangePolicy, policies);
  }
}
