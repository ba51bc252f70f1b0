/** The checks of the baseline level: nothing that is known to break out. Texts are upstream's; ids give the order. */
import { quote } from '#machinery/go-print';
import { named, plural, quoted, setters, sortedSet, unlessOwnUserNamespace, use, type AnyContainer, type Check, type CheckPod } from './check.ts';
import { seccompAnnotations, seccompFields } from './seccomp.ts';

const names = (containers: readonly AnyContainer[]): string[] => containers.map(({ name }) => name);

const appArmorProfile: CheckPod = ({ metadata, spec, containers }) => {
  const isBad = (type: string | undefined): type is string => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const podType = spec.securityContext?.appArmorProfile?.type;
  const bad = containers.filter(({ securityContext }) => isBad(securityContext?.appArmorProfile?.type));
  const values = sortedSet([...(isBad(podType) ? [podType] : []), ...bad.map(({ securityContext }) => securityContext!.appArmorProfile!.type)]);
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith('container.apparmor.security.beta.kubernetes.io/') && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${quote(value)}`).sort();
  const who = [
    ...(isBad(podType) ? ['pod'] : []), ...(bad.length === 0 ? [] : [named('container', names(bad))]),
    ...(annotations.length === 0 ? [] : [plural('annotation', annotations.length)]),
  ];
  if (who.length === 0) return undefined;
  const all = [...values, ...annotations];
  return { reason: plural('forbidden AppArmor profile', all.length), detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(all)}` };
};

const DEFAULT_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
]);

const capabilities: CheckPod = ({ containers }) => {
  const added = ({ securityContext }: AnyContainer): string[] => (securityContext?.capabilities?.add ?? []).filter((capability) => !DEFAULT_CAPABILITIES.has(capability));
  const bad = containers.filter((container) => added(container).length > 0);
  if (bad.length === 0) return undefined;
  const detail = `${named('container', names(bad))} must not include ${quoted(sortedSet(bad.flatMap(added)))} in securityContext.capabilities.add`;
  return { reason: 'non-default capabilities', detail };
};

const hostNamespaces: CheckPod = ({ spec }) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  return used.length === 0 ? undefined : { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
};

const hostPathVolumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return bad.length === 0 ? undefined : { reason: 'hostPath volumes', detail: named('volume', bad) };
};

const hostPorts: CheckPod = ({ containers }) => {
  const ports = (container: AnyContainer): string[] => (container.ports ?? []).filter(({ hostPort = 0 }) => hostPort !== 0).map(({ hostPort }) => String(hostPort));
  const bad = containers.filter((container) => ports(container).length > 0);
  if (bad.length === 0) return undefined;
  const used = sortedSet(bad.flatMap(ports));
  return { reason: 'hostPort', detail: `${named('container', names(bad))} ${use(bad.length)} ${plural('hostPort', used.length)} ${used.join(', ')}` };
};

const probeHosts: CheckPod = ({ containers }) => {
  const hosts = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): string[] =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
      .flatMap((action) => [action?.httpGet?.host ?? '', action?.tcpSocket?.host ?? '']).filter((host) => host !== '');
  const bad = sortedSet(names(containers.filter((container) => hosts(container).length > 0)));
  if (bad.length === 0) return undefined;
  const used = sortedSet(containers.flatMap(hosts));
  return { reason: 'probe or lifecycle host', detail: `${named('container', bad)} ${use(bad.length)} ${plural('probe or lifecycle host', used.length)} ${quoted(used)}` };
};

const privileged: CheckPod = ({ containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.privileged === true);
  return bad.length === 0 ? undefined : { reason: 'privileged', detail: `${named('container', names(bad))} must not set securityContext.privileged=true` };
};

export const procMount: CheckPod = ({ containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.procMount !== undefined && securityContext.procMount !== 'Default');
  if (bad.length === 0) return undefined;
  const values = sortedSet(bad.map(({ securityContext }) => securityContext!.procMount!));
  return { reason: 'procMount', detail: `${named('container', names(bad))} must not set securityContext.procMount to ${quoted(values)}` };
};

function seLinuxOptions(allowed: readonly string[]): CheckPod {
  return ({ spec, containers }) => {
    type Options = NonNullable<NonNullable<typeof spec.securityContext>['seLinuxOptions']>;
    const badType = ({ type = '' }: Options): boolean => !allowed.includes(type);
    const isBad = (options: Options | undefined): options is Options =>
      options !== undefined && (badType(options) || (options.user ?? '') !== '' || (options.role ?? '') !== '');
    const pod = spec.securityContext?.seLinuxOptions;
    const bad = containers.filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    const all = [...(isBad(pod) ? [pod] : []), ...bad.map(({ securityContext }) => securityContext!.seLinuxOptions!)];
    if (all.length === 0) return undefined;
    const types = sortedSet(all.filter(badType).map(({ type = '' }) => type));
    const faults = [
      ...(types.length === 0 ? [] : [`${plural('type', types.length)} ${quoted(types)}`]),
      ...(all.some(({ user = '' }) => user !== '') ? ['user may not be set'] : []),
      ...(all.some(({ role = '' }) => role !== '') ? ['role may not be set'] : []),
    ];
    return { reason: 'seLinuxOptions', detail: `${setters(isBad(pod), names(bad))} set forbidden securityContext.seLinuxOptions: ${faults.join('; ')}` };
  };
}

const SYSCTLS = [
  'kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start',
];
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports'];
const SYSCTLS_29 = [...SYSCTLS_27, 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'];
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

function sysctls(allowed: readonly string[]): CheckPod {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

const windowsHostProcess: CheckPod = ({ spec, containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, names(bad));
  return who === '' ? undefined : { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

const level = 'baseline';
const CONTAINER_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

export const BASELINE_CHECKS: readonly Check[] = [
  { id: 'appArmorProfile', level, revisions: [{ since: 0, check: appArmorProfile }] },
  { id: 'capabilities_baseline', level, revisions: [{ since: 0, check: capabilities }] },
  { id: 'hostNamespaces', level, revisions: [{ since: 0, check: hostNamespaces }] },
  { id: 'hostPathVolumes', level, revisions: [{ since: 0, check: hostPathVolumes }] },
  { id: 'hostPorts', level, revisions: [{ since: 0, check: hostPorts }] },
  { id: 'hostProbesAndHostLifecycle', level, revisions: [{ since: 34, check: probeHosts }] },
  { id: 'privileged', level, revisions: [{ since: 0, check: privileged }] },
  { id: 'procMount', level, revisions: [{ since: 0, check: procMount }, { since: 35, check: unlessOwnUserNamespace(procMount) }] },
  { id: 'seLinuxOptions', level, revisions: [{ since: 0, check: seLinuxOptions(CONTAINER_TYPES) }, { since: 31, check: seLinuxOptions([...CONTAINER_TYPES, 'container_engine_t']) }] },
  { id: 'seccompProfile_baseline', level, revisions: [{ since: 0, check: seccompAnnotations }, { since: 19, check: seccompFields(false) }] },
  {
    id: 'sysctls', level,
    revisions: [{ since: 0, check: sysctls(SYSCTLS) }, { since: 27, check: sysctls(SYSCTLS_27) }, { since: 29, check: sysctls(SYSCTLS_29) }, { since: 32, check: sysctls(SYSCTLS_32) }],
  },
  { id: 'windowsHostProcess', level, revisions: [{ since: 0, check: windowsHostProcess }] },
];
