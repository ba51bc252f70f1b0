/** References to a pod's own fields and resources, in environment variables and downward API files. */
import type { ObjectFieldSelector, ResourceFieldSelector } from '#api/generated/core/v1';
import { qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { isZero } from './resource-lists.ts';

export const VOLUME_FIELD_PATHS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
export const ENV_FIELD_PATHS = [
  'metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName',
  'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs',
];
const KNOWN_FIELD_PATHS = new Set([...VOLUME_FIELD_PATHS, ...ENV_FIELD_PATHS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase']);
const RESOURCE_PATHS = [
  'limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory',
];
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** `metadata.labels['a']`: the path and what stands in the brackets. */
function splitSubscript(fieldPath: string): readonly [string, string] | undefined {
  if (!fieldPath.endsWith("']")) return undefined;
  const open = fieldPath.indexOf("['");
  return open <= 0 ? undefined : [fieldPath.slice(0, open), fieldPath.slice(open + 2, -2)];
}

export function checkFieldRef(ref: ObjectFieldSelector, allowed: readonly string[], place: string, faults: Faults): void {
  if (!ref.apiVersion) return faults.required(`${place}.apiVersion`);
  if (!ref.fieldPath) return faults.required(`${place}.fieldPath`);
  const unreadable = (text: string): void => faults.invalid(`${place}.fieldPath`, ref.fieldPath, `error converting fieldPath: ${text}`);
  if (ref.apiVersion !== 'v1') return unreadable(`unsupported pod version: ${ref.apiVersion}`);
  const subscripted = splitSubscript(ref.fieldPath);
  if (subscripted) {
    const [path, key] = subscripted;
    if (path === 'metadata.annotations') faults.invalidAll(place, key.toLowerCase(), qualifiedNameFaults(key.toLowerCase()));
    else if (path === 'metadata.labels') faults.invalidAll(place, key, qualifiedNameFaults(key));
    else unreadable(`field label does not support subscript: ${ref.fieldPath}`);
    return;
  }
  const path = ref.fieldPath === 'spec.host' ? 'spec.nodeName' : ref.fieldPath;
  if (!KNOWN_FIELD_PATHS.has(path)) return unreadable(`field label not supported: ${path}`);
  if (!allowed.includes(path)) faults.notSupported(`${place}.fieldPath`, path, allowed);
}

export function checkResourceFieldRef(ref: ResourceFieldSelector, place: string, faults: Faults, inVolume: boolean): void {
  const resource = ref.resource ?? '';
  const isHugePages = resource.startsWith('requests.hugepages-') || resource.startsWith('limits.hugepages-');
  if (inVolume && !ref.containerName) faults.required(`${place}.containerName`);
  else if (!resource) faults.required(`${place}.resource`);
  else if (!RESOURCE_PATHS.includes(resource) && !isHugePages) faults.notSupported(`${place}.resource`, resource, RESOURCE_PATHS);
  if (ref.divisor === undefined || isZero(ref.divisor)) return;
  const divisor = String(ref.divisor);
  if (resource.endsWith('.cpu')) {
    if (divisor !== '1m' && divisor !== '1') {
      faults.invalid(`${place}.divisor`, resource, "only divisor's values 1m and 1 are supported with the cpu resource");
    }
    return;
  }
  const what = isHugePages ? 'hugepages resource'
    : { memory: 'memory resource', 'ephemeral-storage': 'local ephemeral storage resource' }[resource.split('.')[1] ?? ''];
  if (what && (isHugePages || RESOURCE_PATHS.includes(resource)) && !BYTE_DIVISORS.includes(divisor)) {
    faults.invalid(`${place}.divisor`, resource, `only divisor's values ${BYTE_DIVISORS.join(', ')} are supported with the ${what}`);
  }
}
