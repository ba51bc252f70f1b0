/** The rules of a pod spec as a whole; pods and all templates are checked here. */
import type { PodDNSConfig, PodResourceClaim, PodSpec, PodTemplateSpec, Volume } from '#api/generated/core/v1';
import type { ObjectMeta } from '#machinery/meta';
import { dns1123LabelFaults, dns1123SubdomainFaults, dns1123SubdomainWithUnderscoreFaults, qualifiedNameFaults } from '#machinery/names';
import { validateLegacyIp } from '#machinery/validation/ip';
import { checkAffinity, checkTolerations } from './affinity.ts';
import { checkContainers, checkEphemeralContainers, checkInitContainers, type PodSurroundings } from './containers.ts';
import type { Faults } from './faults.ts';
import { goJsonOf } from './internal-print.ts';
import { checkAnnotations, checkLabels } from './metadata.ts';
import { checkPodAnnotations, checkProfilesAgree, containersWithPlaces, MIRROR_POD } from './pod-annotations.ts';
import { checkOs, checkUserNamespace, checkWindowsHostProcess } from './pod-os.ts';
import type { PodRules } from './pod-rules.ts';
import { checkContainerResources, checkPodResources } from './resource-requirements.ts';
import { checkPodSecurityContext } from './security-context.ts';
import { checkTopologySpread } from './topology-spread.ts';
import { checkVolumes } from './volumes.ts';

const NAMESERVERS_MAX = 3;
const SEARCH_PATHS_MAX = 32;
const SEARCH_CHARACTERS_MAX = 2048;
const HOSTNAME_OVERRIDE_MAX = 64;
const INT32_MAX = 2 ** 31 - 1;
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** @param meta the pod's; absent for templates. */
export function checkPodSpec(spec: PodSpec, meta: ObjectMeta | undefined, place: string, faults: Faults, rules: PodRules): void {
  if (spec.terminationGracePeriodSeconds === undefined) faults.required(`${place}.terminationGracePeriodSeconds`);
  const volumes = checkVolumes(spec.volumes, meta, `${place}.volumes`, faults, rules);
  const claimNames = new Set((spec.resourceClaims ?? []).map((claim) => claim.name).filter(Boolean));
  checkResourceClaims(spec.resourceClaims ?? [], meta, `${place}.resourceClaims`, faults);
  const pod: PodSurroundings = { spec, volumes, claimNames, hostUsers: spec.hostUsers !== false, rules };
  checkContainers(`${place}.containers`, pod, faults);
  checkInitContainers(`${place}.initContainers`, pod, faults);
  checkEphemeralContainers(`${place}.ephemeralContainers`, pod, faults);
  if (rules.gate('PodLevelResources')) checkPodResources(spec, claimNames, `${place}.resources`, faults, rules);
  checkHostNetworkPorts(spec, `${place}.containers`, faults, rules);
  faults.oneOf(`${place}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  faults.oneOf(`${place}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES);
  checkLabels(spec.nodeSelector, `${place}.nodeSelector`, faults);
  checkPodSecurityContext(spec, `${place}.securityContext`, faults, rules);
  checkAffinity(spec.affinity, `${place}.affinity`, faults, rules.tolerated);
  checkDnsConfig(spec, `${place}.dnsConfig`, faults);
  for (const [index, gate] of (spec.readinessGates ?? []).entries()) {
    faults.invalidAll(`${place}.readinessGates[${index}].conditionType`, gate.conditionType, qualifiedNameFaults(gate.conditionType ?? ''));
  }
  checkSchedulingGates(spec, `${place}.schedulingGates`, faults);
  checkTopologySpread(spec.topologySpreadConstraints, `${place}.topologySpreadConstraints`, faults, rules);
  checkWindowsHostProcess(spec, place, faults);
  checkUserNamespace(spec, place, faults, rules);
  checkNames(spec, place, faults);
  checkScheduling(spec, place, faults, rules);
  if (spec.os) checkOs(spec, place, faults);
  if (spec.schedulingGroup) checkSchedulingGroup(spec.schedulingGroup.podGroupName, `${place}.schedulingGroup.podGroupName`, faults);
  checkFileKeyVolumes(spec, place, faults);
}

function checkResourceClaims(claims: readonly PodResourceClaim[], meta: ObjectMeta | undefined, place: string, faults: Faults): void {
  const names = new Set<string>();
  for (const [index, claim] of claims.entries()) {
    const at = `${place}[${index}]`;
    if (meta?.annotations?.[MIRROR_POD] !== undefined) {
      faults.forbidden('', 'static pods do not support resource claims');
      continue;
    }
    if (!claim.name) faults.required(`${at}.name`);
    else if (names.has(claim.name)) faults.duplicate(`${at}.name`, claim.name);
    else faults.invalidAll(`${at}.name`, claim.name, dns1123LabelFaults(claim.name));
    names.add(claim.name);
    const { resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    const print = (): unknown => goJsonOf('core/v1.PodResourceClaim', claim);
    if (own !== undefined && template !== undefined) {
      faults.invalid(at, print(), 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    }
    if (own === undefined && template === undefined) {
      faults.invalid(at, print(), 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    }
    if (own !== undefined) faults.invalidAll(`${at}.resourceClaimName`, own, dns1123SubdomainFaults(own));
    if (template !== undefined) faults.invalidAll(`${at}.resourceClaimTemplateName`, template, dns1123SubdomainFaults(template));
  }
}

function checkHostNetworkPorts(spec: PodSpec, place: string, faults: Faults, rules: PodRules): void {
  if (!spec.hostNetwork) return;
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [portIndex, port] of (container.ports ?? []).entries()) {
      const hostPort = port.hostPort ?? 0;
      if ((rules.isPod || hostPort !== 0) && hostPort !== (port.containerPort ?? 0)) {
        faults.invalid(`${place}[${index}].ports[${portIndex}].hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true');
      }
    }
  }
}

function checkDnsConfig(spec: PodSpec, place: string, faults: Faults): void {
  const config: PodDNSConfig | undefined = spec.dnsConfig;
  if (spec.dnsPolicy === 'None') {
    if (!config) return faults.required(place, 'must provide `dnsConfig` when `dnsPolicy` is None');
    if (!config.nameservers?.length) {
      return faults.required(`${place}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None');
    }
  }
  if (!config) return;
  const nameservers = config.nameservers ?? [];
  const searches = config.searches ?? [];
  if (nameservers.length > NAMESERVERS_MAX) faults.invalid(`${place}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`);
  for (const [index, address] of nameservers.entries()) faults.add(validateLegacyIp(`${place}.nameservers[${index}]`, address, true));
  if (searches.length > SEARCH_PATHS_MAX) faults.invalid(`${place}.searches`, searches, `must not have more than ${SEARCH_PATHS_MAX} search paths`);
  if (searches.join(' ').length > SEARCH_CHARACTERS_MAX) {
    faults.invalid(`${place}.searches`, searches, `must not have more than ${SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list`);
  }
  for (const [index, search] of searches.entries()) {
    if (search === '.') continue;
    const domain = search.endsWith('.') ? search.slice(0, -1) : search;
    faults.invalidAll(`${place}.searches[${index}]`, domain, dns1123SubdomainWithUnderscoreFaults(domain));
  }
  for (const [index, option] of (config.options ?? []).entries()) {
    if (!option.name) faults.required(`${place}.options[${index}]`, 'must not be empty');
  }
}

function checkSchedulingGates(spec: PodSpec, place: string, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    faults.invalidAll(`${place}[${index}]`, name, qualifiedNameFaults(name ?? ''));
    if (seen.has(name)) faults.duplicate(`${place}[${index}]`, name);
    seen.add(name);
  }
}

function checkNames(spec: PodSpec, place: string, faults: Faults): void {
  const override = spec.hostnameOverride;
  if (override !== undefined) {
    const at = `${place}.hostnameOverride`;
    if (spec.setHostnameAsFQDN) faults.forbidden(at, 'may not be specified when setHostnameAsFQDN is true');
    if (spec.hostNetwork) faults.forbidden(at, 'may not be specified when hostNetwork is true');
    if (override.length > HOSTNAME_OVERRIDE_MAX) faults.tooLong(at, HOSTNAME_OVERRIDE_MAX);
    faults.invalidAll(at, override, dns1123SubdomainFaults(override));
  }
  for (const field of ['serviceAccountName', 'nodeName', 'priorityClassName'] as const) {
    const value = spec[field];
    if (value) faults.invalidAll(`${place}.${field}`, value, dns1123SubdomainFaults(value));
  }
  for (const field of ['hostname', 'subdomain'] as const) {
    const value = spec[field];
    if (value) faults.invalidAll(`${place}.${field}`, value, dns1123LabelFaults(value));
  }
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    const at = `${place}.hostAliases[${index}]`;
    faults.add(validateLegacyIp(`${at}.ip`, alias.ip ?? '', true));
    for (const [nameIndex, name] of (alias.hostnames ?? []).entries()) faults.invalidAll(`${at}.hostnames[${nameIndex}]`, name, dns1123SubdomainFaults(name));
  }
  const runtimeClass = spec.runtimeClassName;
  if (runtimeClass !== undefined) faults.invalidAll(`${place}.runtimeClassName`, runtimeClass, dns1123SubdomainFaults(runtimeClass));
}

function checkScheduling(spec: PodSpec, place: string, faults: Faults, rules: PodRules): void {
  if (spec.activeDeadlineSeconds !== undefined) faults.inRange(`${place}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, INT32_MAX);
  const mayCompare = rules.gate('TaintTolerationComparisonOperators') || rules.tolerated.comparingTolerations;
  checkTolerations(spec.tolerations, `${place}.tolerations`, faults, mayCompare);
  if (spec.preemptionPolicy !== undefined) checkPreemptionPolicy(spec.preemptionPolicy, `${place}.preemptionPolicy`, faults);
  if (spec.overhead) checkContainerResources({ limits: spec.overhead }, new Set(), `${place}.overhead`, faults, rules.tolerated.indivisibleHugePages);
}

export function checkPreemptionPolicy(policy: string, place: string, faults: Faults): void {
  faults.oneOf(place, policy, ['PreemptLowerPriority', 'Never']);
}

function checkSchedulingGroup(name: string | undefined, place: string, faults: Faults): void {
  if (name === undefined) faults.invalid(place, null, 'must specify one of: `podGroupName`');
  else faults.invalidAll(place, name, dns1123SubdomainFaults(name));
}

function checkFileKeyVolumes(spec: PodSpec, place: string, faults: Faults): void {
  const volumes = new Map<string, Volume>((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  for (const [container, at] of containersWithPlaces(spec, place)) {
    for (const [index, variable] of (container.env ?? []).entries()) {
      const ref = variable.valueFrom?.fileKeyRef;
      if (!ref) continue;
      const nameAt = `${at}.env[${index}].valueFrom.fileKeyRef.volumeName`;
      const volume = volumes.get(ref.volumeName);
      if (!volume) faults.notFound(nameAt, ref.volumeName);
      else if (!volume.emptyDir) faults.invalid(nameAt, ref.volumeName, 'referenced volume must be of type emptyDir');
    }
  }
}

/** A template's metadata and spec: workloads, pod templates, jobs. */
export function checkPodTemplate(template: PodTemplateSpec, place: string, faults: Faults, rules: PodRules): void {
  const { metadata } = template;
  const spec = template.spec ?? { containers: [] };
  checkLabels(metadata?.labels, `${place}.labels`, faults);
  checkAnnotations(metadata?.annotations, `${place}.annotations`, faults);
  checkPodAnnotations(metadata?.annotations, spec, `${place}.annotations`, faults, rules);
  checkPodSpec(spec, undefined, `${place}.spec`, faults, rules);
  checkProfilesAgree(metadata?.annotations, spec, `${place}.spec`, faults);
  if (spec.ephemeralContainers?.length) faults.forbidden(`${place}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template');
}
