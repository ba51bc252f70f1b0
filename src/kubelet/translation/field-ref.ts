/**
 * The downward API: one field of the pod, or one resource of a container, as text.
 */
import type { Container, Pod, ResourceFieldSelector } from '#api/generated/core/v1';
import { amountIn, ceilDivide } from './amounts.ts';

export interface PodNetworkFacts { podIps: readonly string[]; hostIps: readonly string[] }

const SUBSCRIPT = /^metadata\.(labels|annotations)\['(.*)'\]$/s;

/** @throws Error for a path that pods do not offer. */
export function podField(pod: Pod, path: string, network: PodNetworkFacts): string {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript !== null) return (subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations)?.[subscript[2]!] ?? '';
  switch (path) {
    case 'metadata.name': return pod.metadata.name ?? '';
    case 'metadata.namespace': return pod.metadata.namespace ?? '';
    case 'metadata.uid': return pod.metadata.uid ?? '';
    case 'metadata.labels': return mapText(pod.metadata.labels);
    case 'metadata.annotations': return mapText(pod.metadata.annotations);
    case 'spec.nodeName': return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName': return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP': return network.hostIps[0] ?? '';
    case 'status.hostIPs': return network.hostIps.join(',');
    case 'status.podIP': return network.podIps[0] ?? '';
    case 'status.podIPs': return network.podIps.join(',');
    default: throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** Lines `key="value"`, sorted by key. */
function mapText(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {}).sort().map((key) => `${key}=${goQuote(map![key]!)}`).join('\n');
}

/** Go's %q for text: JSON's escapes, but control characters as \xNN and \a, \v. */
function goQuote(text: string): string {
  return `"${text.replace(/[\u0000-\u001f"\\\u007f]/g, (char) => ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v',
};

/**
 * `limits.cpu` and friends divided by the divisor, rounded up. A container without the limit has the node's allocatable.
 * @throws Error for an unknown container or resource.
 */
export function resourceField(pod: Pod, selector: ResourceFieldSelector, own: Container | undefined, allocatable: Readonly<Record<string, string>>): string {
  const container = selector.containerName === undefined || selector.containerName === '' ? own
    : [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((candidate) => candidate.name === selector.containerName);
  if (container === undefined) throw new Error(`container ${selector.containerName ?? ''} not found`);
  const dot = selector.resource.indexOf('.');
  const list = selector.resource.slice(0, dot);
  const name = selector.resource.slice(dot + 1);
  const known = (list === 'limits' || list === 'requests') && (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-'));
  if (!known) throw new Error(`unsupported container resource : ${selector.resource}`);
  const limit = container.resources?.limits?.[name] ?? (name.startsWith('hugepages-') ? '0' : allocatable[name] ?? '0');
  const value = list === 'limits' ? limit : container.resources?.requests?.[name] ?? '0';
  const divisor = selector.divisor === undefined || selector.divisor === '' || selector.divisor === '0' ? '1' : selector.divisor;
  return String(ceilDivide(amountIn(value), amountIn(divisor)));
}
