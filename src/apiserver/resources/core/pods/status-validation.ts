/** The rules of `/status` of pods. */
import type { Container, ContainerStatus, Pod, PodSpec } from '#api/generated/core/v1';
import { parseIp } from '#machinery/ip';
import { dns1123LabelFaults, dns1123SubdomainFaults, groupIdFaults, qualifiedNameFaults, userIdFaults } from '#machinery/names';
import { validateLegacyIp } from '#machinery/validation/ip';
import { isNativeResource } from '#semantics/resource-names';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOfList } from '../../rules/internal-print.ts';
import { checkMetaOnUpdate } from '../../rules/metadata.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { isNegative } from '../../rules/resource-lists.ts';
import { checkAnnotationUpdate } from './validation.ts';

const SYSTEM_CONDITIONS = ['PodScheduled', 'Ready', 'Initialized'];
const STATE_TEXT = 'may not be transitioned to non-terminated state';
const HEALTH_MESSAGE_MAX = 1024;
const IMAGE_REF_MAX = 256;
const HEALTH = ['Healthy', 'Unhealthy', 'Unknown'];

export function checkPodStatusUpdate(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  const status = pod.status ?? {};
  const before = old.status ?? {};
  checkMetaOnUpdate(pod, old, faults);
  checkAnnotationUpdate(pod, old, faults, rules);
  for (const [index, condition] of (status.conditions ?? []).entries()) {
    const at = `status.conditions[${index}]`;
    if ((condition.observedGeneration ?? 0) < 0) faults.invalid(`${at}.observedGeneration`, condition.observedGeneration, 'must be a non-negative integer');
    if (!SYSTEM_CONDITIONS.includes(condition.type)) faults.invalidAll(`${at}.Type`, condition.type, qualifiedNameFaults(condition.type ?? ''));
  }
  if ((pod.spec?.nodeName ?? '') !== (old.spec?.nodeName ?? '')) faults.forbidden('status.nodeName', 'may not be changed directly');
  checkNominatedNode(pod, old, faults, rules);
  if ((status.observedGeneration ?? 0) < 0) faults.invalid('status.observedGeneration', status.observedGeneration, 'must be a non-negative integer');
  if ((status.qosClass ?? '') !== (before.qosClass ?? '')) faults.invalid('status.qosClass', status.qosClass, 'field is immutable');
  checkTransitions(pod, old, faults, rules);
  checkClaimStatuses(pod, faults);
  checkExtendedClaimStatus(pod, faults);
  checkNodeAllocatableStatuses(pod, faults);
  checkIps(pod, old, faults);
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) {
    for (const [index, container] of (status[list] ?? []).entries()) checkContainerUser(container, pod.spec?.os?.name, `status.${list}[${index}].user.linux`, faults);
  }
  checkAllocatedResources(status.containerStatuses, pod.spec?.containers, 'status.containerStatuses', faults);
  checkAllocatedResources(status.initContainerStatuses, pod.spec?.initContainers, 'status.initContainerStatuses', faults);
  for (const [index, container] of (status.ephemeralContainerStatuses ?? []).entries()) {
    if (container.allocatedResourcesStatus?.length) {
      faults.forbidden(`status.ephemeralContainerStatuses[${index}].allocatedResourcesStatus`, 'must not be specified in container status');
    }
  }
  if (rules.gate('ImageVolumeWithDigest')) checkVolumeStatuses(pod, faults);
}

function checkNominatedNode(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  const name = pod.status?.nominatedNodeName ?? '';
  if (name === '' || name === (old.status?.nominatedNodeName ?? '')) return;
  faults.invalidAll('status.nominatedNodeName', name, dns1123SubdomainFaults(name));
  if (rules.gate('ClearingNominatedNodeNameAfterBinding') && old.spec?.nodeName) {
    faults.forbidden('status.nominatedNodeName', 'may not be set on pods that are already bound to a node');
  }
}

/** A container that has ended for good stays ended. */
function checkTransitions(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  const spec = old.spec ?? { containers: [] };
  const mayRestart = (container: Container | undefined, exitCode: number): boolean => restartsAfter(container, spec, exitCode);
  const lists: readonly (readonly ['containerStatuses' | 'initContainerStatuses', Container[] | undefined])[] = [
    ['containerStatuses', spec.containers], ['initContainerStatuses', spec.initContainers]];
  const anyMayRestart = rules.gate('RestartAllContainersOnContainerExits') && restartsAllContainers(spec);
  for (const [list, containers] of lists) {
    if (anyMayRestart) continue;
    checkEnded(pod.status?.[list], old.status?.[list], `status.${list}`, faults,
      (name, exitCode) => mayRestart(containers?.find((container) => container.name === name), exitCode));
  }
  checkEnded(pod.status?.ephemeralContainerStatuses, old.status?.ephemeralContainerStatuses, 'status.ephemeralContainerStatuses', faults, () => false);
}

function checkEnded(statuses: readonly ContainerStatus[] | undefined, old: readonly ContainerStatus[] | undefined, place: string, faults: Faults,
  mayRestart: (name: string, exitCode: number) => boolean): void {
  for (const [index, before] of (old ?? []).entries()) {
    const ended = before.state?.terminated;
    if (!ended || mayRestart(before.name, ended.exitCode ?? 0)) continue;
    const now = (statuses ?? []).find((status) => status.name === before.name);
    if (now && !now.state?.terminated) faults.forbidden(`${place}[${index}].state`, STATE_TEXT);
  }
}

function restartsAllContainers(spec: PodSpec): boolean {
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
    .some((container) => (container.restartPolicyRules ?? []).some((rule) => rule.action === 'RestartAllContainers'));
}

/** The container's own rules come first, then its policy, then the pod's. */
function restartsAfter(container: Container | undefined, spec: PodSpec, exitCode: number): boolean {
  if (!container) return false;
  for (const rule of container.restartPolicyRules ?? []) {
    const listed = (rule.exitCodes?.values ?? []).includes(exitCode);
    const matches = rule.exitCodes?.operator === 'In' ? listed : rule.exitCodes?.operator === 'NotIn' && !listed;
    if (matches) return true;
  }
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function checkClaimStatuses(pod: Pod, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, status] of (pod.status?.resourceClaimStatuses ?? []).entries()) {
    const at = `status.resourceClaimStatuses[${index}]`;
    if (!(pod.spec?.resourceClaims ?? []).some((claim) => claim.name === status.name)) {
      faults.invalid(`${at}.name`, status.name, 'must match the name of an entry in `spec.resourceClaims`');
    }
    if (seen.has(status.name)) faults.duplicate(`${at}.name`, status.name);
    seen.add(status.name);
    const name = status.resourceClaimName;
    if (name !== undefined) faults.invalidAll(`${at}.resourceClaimName`, name, dns1123SubdomainFaults(name));
  }
}

function checkExtendedClaimStatus(pod: Pod, faults: Faults): void {
  const status = pod.status?.extendedResourceClaimStatus;
  if (!status) return;
  const place = 'status.extendedResourceClaimStatus';
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  if (!status.requestMappings?.length) faults.required(`${place}.requestMappings`, 'at least one request mapping is required');
  const seen = new Set<string>();
  for (const [index, mapping] of (status.requestMappings ?? []).entries()) {
    const at = `${place}.requestMappings[${index}]`;
    const container = containers.find(({ name }) => name === mapping.containerName);
    if (!container) {
      faults.invalid(`${at}.containerName`, mapping.containerName, 'must match the name of an entry in spec.initContainers.name or spec.containers.name');
    } else if (container.resources?.requests?.[mapping.resourceName] === undefined) {
      faults.invalid(`${at}.resourceName`, mapping.resourceName,
        'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests');
    }
    faults.invalidAll(`${place}.requestName`, mapping.requestName, dns1123LabelFaults(mapping.requestName ?? ''));
    const key = JSON.stringify([mapping.containerName, mapping.resourceName, mapping.requestName]);
    if (seen.has(key)) for (const field of ['containerName', 'resourceName', 'requestName'] as const) faults.duplicate(`${at}.${field}`, mapping[field]);
    seen.add(key);
  }
  const claim = status.resourceClaimName;
  if (!claim) faults.required(`${place}.resourceClaimName`);
  else faults.invalidAll(`${place}.resourceClaimName`, claim, dns1123SubdomainFaults(claim));
}

function checkNodeAllocatableStatuses(pod: Pod, faults: Faults): void {
  const known = new Set([...(pod.spec?.resourceClaims ?? []), ...(pod.status?.resourceClaimStatuses ?? [])].map((claim) => claim.resourceClaimName));
  for (const [index, status] of (pod.status?.nodeAllocatableResourceClaimStatuses ?? []).entries()) {
    const at = `status.nodeAllocatableResourceClaimStatuses[${index}]`;
    if (!status.resourceClaimName) faults.required(`${at}.resourceClaimName`, 'must not be empty');
    if (!known.has(status.resourceClaimName)) faults.invalid(`${at}.resourceClaimName`, status.resourceClaimName, 'no mapping found in pod reference');
    if (!status.containers?.length) faults.required(`${at}.containers`, 'must not be empty');
    const resources = Object.entries(status.resources ?? {});
    if (resources.length === 0) faults.required(`${at}.resources`, 'must not be empty');
    for (const [name, quantity] of resources) {
      if (!isNativeResource(name)) faults.invalid(`${at}.resources[${name}]`, name, 'must be a node allocatable resource name');
      if (isNegative(quantity)) faults.invalid(`${at}.resources[${name}]`, quantity, 'must be non-negative');
    }
  }
}

function checkIps(pod: Pod, old: Pod, faults: Faults): void {
  const hostIps = pod.status?.hostIPs ?? [];
  checkIpList(pod.status?.podIPs ?? [], old.status?.podIPs ?? [], 'core/v1.PodIP', 'status.podIPs', faults);
  if (hostIps.length > 0 && (pod.status?.hostIP ?? '') !== hostIps[0]!.ip) {
    faults.invalid('status.hostIPs[0].ip', hostIps[0]!.ip, 'must be equal to `hostIP`');
  }
  checkIpList(hostIps, old.status?.hostIPs ?? [], 'core/v1.HostIP', 'status.hostIPs', faults);
}

function checkIpList(ips: readonly { ip: string }[], old: readonly { ip: string }[], type: string, place: string, faults: Faults): void {
  const before = old.map(({ ip }) => ip);
  for (const [index, { ip }] of ips.entries()) faults.add(validateLegacyIp(`${place}[${index}]`, ip ?? '', true, before));
  if (ips.length < 2) return;
  const families = ips.map(({ ip }) => parseIp(ip)?.bytes.length);
  const bad = families.findIndex((family) => family === undefined);
  if (bad !== -1) faults.internal(place, `failed to check for dual stack with error:invalid IP[${bad}]: ${'<nil>'} (${ips[bad]!.ip})`);
  const isDual = bad === -1 && new Set(families).size === 2;
  if (!isDual || ips.length > 2) faults.invalid(place, goJsonOfList(type, ips), 'may specify no more than one IP for each IP family');
}

function checkContainerUser(container: ContainerStatus, osName: string | undefined, place: string, faults: Faults): void {
  const user = container.user?.linux;
  if (!user) return;
  if (osName === 'windows') return faults.forbidden(place, 'cannot be set for a windows pod');
  faults.invalidAll(`${place}.uid`, user.uid ?? 0, userIdFaults(user.uid ?? 0));
  faults.invalidAll(`${place}.gid`, user.gid ?? 0, groupIdFaults(user.gid ?? 0));
  for (const [index, gid] of (user.supplementalGroups ?? []).entries()) faults.invalidAll(`${place}.supplementalGroups[${index}]`, gid, groupIdFaults(gid));
}

function checkAllocatedResources(statuses: readonly ContainerStatus[] | undefined, containers: readonly Container[] | undefined, place: string, faults: Faults): void {
  for (const [index, status] of (statuses ?? []).entries()) {
    const container = (containers ?? []).find(({ name }) => name === status.name);
    for (const [entryIndex, entry] of (status.allocatedResourcesStatus ?? []).entries()) {
      const at = `${place}[${index}].allocatedResourcesStatus[${entryIndex}]`;
      if (container) checkAllocatedName(entry.name, container, `${at}.name`, faults);
      const seen = new Set<string>();
      for (const [resourceIndex, resource] of (entry.resources ?? []).entries()) {
        const resourceAt = `${at}.resources[${resourceIndex}]`;
        faults.strictlyOneOf(`${resourceAt}.health`, resource.health, HEALTH);
        if (resource.message === '') faults.required(`${resourceAt}.message`, 'must be non-empty if specified');
        else if (Buffer.byteLength(resource.message ?? '') > HEALTH_MESSAGE_MAX) faults.tooLong(`${resourceAt}.message`, HEALTH_MESSAGE_MAX);
        if (seen.has(resource.resourceID)) faults.duplicate(`${resourceAt}.resourceID`, resource.resourceID);
        seen.add(resource.resourceID);
      }
    }
  }
}

function checkAllocatedName(name: string, container: Container, place: string, faults: Faults): void {
  if (name.startsWith('claim:')) {
    const known = (container.resources?.claims ?? []).map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`);
    if (!known.includes(name)) {
      faults.invalid(place, name, "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty");
    }
  } else if (container.resources?.requests?.[name] === undefined) {
    faults.invalid(place, name, "must match one of the container's resource requests");
  }
}

function checkVolumeStatuses(pod: Pod, faults: Faults): void {
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) {
    for (const [index, container] of (pod.status?.[list] ?? []).entries()) {
      for (const [mountIndex, mount] of (container.volumeMounts ?? []).entries()) {
        const ref = mount.volumeStatus?.image?.imageRef;
        if (!mount.volumeStatus?.image) continue;
        const at = `status.${list}[${index}].volumeMounts[${mountIndex}].volumeStatus.imageVolumeStatus.imageRef`;
        if (!ref) faults.required(at, 'imageRef must not be empty');
        else if (ref.length > IMAGE_REF_MAX) faults.tooLong(at, IMAGE_REF_MAX);
      }
    }
  }
}
