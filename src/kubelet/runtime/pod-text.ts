/**
 * How pods are named in messages: `name_namespace(uid)`, as upstream does.
 */
import type { Pod } from '#api/generated/core/v1';

export function podText(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}

/** `namespace/name`. */
export function podKey(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}
