/** What is accepted in a pod spec but deserves a warning: deprecated labels, annotations and volumes, ambiguous ports and paths. */
import type { Container, ContainerPort, PodAffinityTerm, PodSpec, PodTemplateSpec, Volume } from '#api/generated/core/v1';
import { quote } from '#machinery/go-print';
import type { ObjectMeta } from '#machinery/meta';
import { ipWarnings } from '#machinery/validation/ip';
import { deprecatedNodeLabelText, nodeSelectorTermWarnings } from './node-labels.ts';
import { APP_ARMOR_CONTAINER, appArmorFieldOf, containersWithPlaces, SECCOMP_CONTAINER, SECCOMP_POD } from './pod-annotations.ts';
import { isFractional } from './resource-lists.ts';
import { overlappingPathWarnings } from './volume-paths.ts';
import { semanticEqual } from '#machinery/deep-equal';

const DEPRECATED_ANNOTATIONS = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
] as const;

const DEPRECATED_VOLUMES: readonly (readonly [field: keyof Volume, reportedAs: string, text: string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

const NULL_SELECTOR = 'a null labelSelector results in matching no pod';

export function templateWarnings(template: PodTemplateSpec | undefined, place: string): string[] {
  return template ? podWarnings(template.spec ?? { containers: [] }, template.metadata ?? {}, `${place}.`, true) : [];
}

/** @param prefix `` for pods, `spec.template.` for templates. */
export function podWarnings(spec: PodSpec, meta: ObjectMeta, prefix: string, isTemplate: boolean): string[] {
  const warnings: string[] = [];
  const warn = (place: string, text: string): void => { warnings.push(`${prefix}${place}: ${text}`); };
  warnAboutNodeLabels(spec, prefix, warnings);
  const annotations = meta.annotations ?? {};
  for (const [key, text] of DEPRECATED_ANNOTATIONS) if (key in annotations) warn(`metadata.annotations[${key}]`, text);
  for (const [index, volume] of (spec.volumes ?? []).entries()) warnAboutVolume(volume, `spec.volumes[${index}]`, warn);
  warnings.push(...overlappingPathWarnings(spec.volumes ?? []));
  warnAboutDuplicates(spec, warn);
  for (const name of ['memory', 'ephemeral-storage']) warnIfFractional(spec.overhead, name, 'spec.overhead', warn);
  if (!spec.securityContext?.seccompProfile && SECCOMP_POD in annotations) {
    warn(`metadata.annotations[${SECCOMP_POD}]`, 'non-functional in v1.27+; use the "seccompProfile" field instead');
  }
  for (const [container, at] of containersWithPlaces(spec, 'spec')) {
    warnAboutContainer(container, at, spec, annotations, isTemplate, warn);
  }
  warnAboutPorts(spec, prefix, warn);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warn('spec.terminationGracePeriodSeconds', 'must be >= 0; negative values are invalid and will be treated as 1');
  }
  warnAboutAffinity(spec, warn);
  for (const [index, address] of (spec.dnsConfig?.nameservers ?? []).entries()) {
    warnings.push(...ipWarnings(`${prefix}spec.dnsConfig.nameservers[${index}]`, address));
  }
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) warnings.push(...ipWarnings(`${prefix}spec.hostAliases[${index}].ip`, alias.ip ?? ''));
  return warnings;
}

type Warn = (place: string, text: string) => void;

function warnAboutNodeLabels(spec: PodSpec, prefix: string, warnings: string[]): void {
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = deprecatedNodeLabelText(key);
    if (text) warnings.push(`${prefix}spec.nodeSelector[${key}]: ${text}`);
  }
  const node = spec.affinity?.nodeAffinity;
  const at = `${prefix}spec.affinity.nodeAffinity`;
  for (const [index, term] of (node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).entries()) {
    warnings.push(...nodeSelectorTermWarnings(term, false, `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`));
  }
  for (const [index, term] of (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    warnings.push(...nodeSelectorTermWarnings(term.preference ?? {}, true, `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`));
  }
  for (const [index, constraint] of (spec.topologySpreadConstraints ?? []).entries()) {
    const place = `${prefix}spec.topologySpreadConstraints[${index}]`;
    const text = deprecatedNodeLabelText(constraint.topologyKey);
    if (text) warnings.push(`${place}.topologyKey: ${constraint.topologyKey} is ${text}`);
    if (!constraint.labelSelector) warnings.push(`${place}.labelSelector: ${NULL_SELECTOR}`);
  }
}

function warnAboutVolume(volume: Volume, at: string, warn: Warn): void {
  for (const [field, reportedAs, text] of DEPRECATED_VOLUMES) if (volume[field]) warn(`${at}.${reportedAs}`, text);
  const resources = volume.ephemeral?.volumeClaimTemplate?.spec?.resources;
  warnIfFractional(resources?.requests, 'storage', `${at}.ephemeral.volumeClaimTemplate.spec.resources.requests`, warn);
  warnIfFractional(resources?.limits, 'storage', `${at}.ephemeral.volumeClaimTemplate.spec.resources.limits`, warn);
}

export function warnIfFractional(list: Readonly<Record<string, string>> | undefined, name: string, at: string, warn: Warn): void {
  const text = list?.[name];
  if (text !== undefined && isFractional(text)) warn(`${at}[${name}]`, `fractional byte value ${quote(text)} is invalid, must be an integer`);
}

function warnAboutDuplicates(spec: PodSpec, warn: Warn): void {
  const aliases = new Set<string>();
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (aliases.has(ip)) warn(`spec.hostAliases[${index}].ip`, `duplicate ip ${quote(ip)}`);
    aliases.add(ip);
  }
  const names = new Set<string>();
  const secrets = (spec.imagePullSecrets ?? []).map((secret) => secret.name ?? '');
  for (const [index, name] of secrets.entries()) {
    if (names.has(name)) warn(`spec.imagePullSecrets[${index}].name`, `duplicate name ${quote(name)}`);
    names.add(name);
  }
  for (const [index, name] of secrets.entries()) if (name === '') warn(`spec.imagePullSecrets[${index}].name`, 'invalid empty name ""');
}

function warnAboutContainer(container: Container, at: string, spec: PodSpec, annotations: Readonly<Record<string, string>>, isTemplate: boolean, warn: Warn): void {
  const seccompKey = SECCOMP_CONTAINER + container.name;
  if (!container.securityContext?.seccompProfile && seccompKey in annotations) {
    warn(`metadata.annotations[${seccompKey}]`, 'non-functional in v1.27+; use the "seccompProfile" field instead');
  }
  const appArmorKey = APP_ARMOR_CONTAINER + container.name;
  const appArmor = annotations[appArmorKey];
  // Pods get the field from the annotation on create, and the warning with it.
  if (isTemplate && appArmor !== undefined && !container.securityContext?.appArmorProfile) {
    const ofPod = spec.securityContext?.appArmorProfile;
    if (!ofPod || !semanticEqual(ofPod, appArmorFieldOf(appArmor))) {
      warn(`metadata.annotations[${appArmorKey}]`, 'deprecated since v1.30; use the "appArmorProfile" field instead');
    }
  }
  for (const name of ['memory', 'ephemeral-storage']) {
    warnIfFractional(container.resources?.limits, name, `${at}.resources.limits`, warn);
    warnIfFractional(container.resources?.requests, name, `${at}.resources.requests`, warn);
  }
  const variables = new Set<string>();
  for (const [index, variable] of (container.env ?? []).entries()) {
    const extendsItself = (variable.value ?? '').includes(`$(${variable.name})`) && variable.value !== `$(${variable.name})` && !variable.valueFrom;
    if (variables.has(variable.name) && !extendsItself) {
      warn(`${at}.env[${index}]`, `hides previous definition of ${quote(variable.name)}, which may be dropped when using apply`);
    }
    variables.add(variable.name);
  }
}

function warnAboutPorts(spec: PodSpec, prefix: string, warn: Warn): void {
  const byPort = new Map<string, { at: string; port: ContainerPort }[]>();
  const all = containersWithPlaces(spec, 'spec')
    .flatMap(([container, at]) => (container.ports ?? []).map((port, index) => ({ port, at: `${at}.ports[${index}]` })));
  for (const { port, at } of all) {
    const hostIp = port.hostIP ?? '';
    if (hostIp !== '' && !port.hostPort) {
      warn(at, `hostIP set without hostPort: {Name:${port.name ?? ''} HostPort:0 ContainerPort:${port.containerPort} Protocol:${port.protocol ?? ''} HostIP:${hostIp}}`);
    }
    const key = `${port.containerPort}/${port.protocol}`;
    const others = byPort.get(key) ?? [];
    for (const other of others) {
      const otherIp = other.port.hostIP ?? '';
      const samePort = (port.hostPort ?? 0) === (other.port.hostPort ?? 0);
      const where = `${prefix}${other.at}`;
      if (hostIp === otherIp && samePort) warn(at, `duplicate port definition with ${where}`);
      else if (!port.hostPort || !other.port.hostPort) warn(at, `overlapping port definition with ${where}`);
      else if (samePort && (hostIp === '') !== (otherIp === '')) warn(at, `dangerously ambiguous port definition with ${where}`);
    }
    byPort.set(key, [...others, { at, port }]);
  }
  const names = new Map<string, string>();
  for (const { port, at } of all) {
    if (!port.name) continue;
    const other = names.get(port.name);
    if (other === undefined) names.set(port.name, `${prefix}${at}`);
    else warn(at, `duplicate port name ${quote(port.name)} with ${other}, services and probes that select ports by name will use ${other}`);
  }
}

function warnAboutAffinity(spec: PodSpec, warn: Warn): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = spec.affinity?.[kind];
    const check = (term: PodAffinityTerm | undefined, at: string): void => {
      if (!term?.labelSelector) warn(`spec.affinity.${kind}.${at}.labelSelector`, NULL_SELECTOR);
    };
    for (const [index, term] of (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      check(term, `requiredDuringSchedulingIgnoredDuringExecution[${index}]`);
    }
    for (const [index, term] of (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      check(term.podAffinityTerm, `preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm`);
    }
  }
}

