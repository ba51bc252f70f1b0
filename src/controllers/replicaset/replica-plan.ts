/**
 * What a replica set has to do: how many pods to make, or which to delete. Pure.
 *
 * Worked example: 5 active pods, 3 wanted. Two go: first one that is not yet on a node, then of the ready ones the one that
 * shares its node with most siblings.
 */
import type { Pod } from '#api/generated/core/v1';
import { compareForDeletion } from '#semantics/pod-ranking';

/** Pods made or deleted in one go; the rest follows when these are visible. */
export const BURST_REPLICAS = 500;

export type ReplicaPlan =
  | { readonly kind: 'create'; readonly count: number }
  | { readonly kind: 'delete'; readonly pods: readonly Pod[] }
  | { readonly kind: 'none' };

/** @param related pods of the same owner's other replica sets, for the spreading; `active` may be among them. */
export function planReplicas(wanted: number, active: readonly Pod[], related: readonly Pod[], nowMs: number): ReplicaPlan {
  const surplus = active.length - wanted;
  if (surplus < 0) return { kind: 'create', count: Math.min(-surplus, BURST_REPLICAS) };
  if (surplus === 0) return { kind: 'none' };
  const count = Math.min(surplus, BURST_REPLICAS);
  if (count >= active.length) return { kind: 'delete', pods: active };
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const ranked = active.map((pod) => ({ pod, rank: onNode.get(pod.spec?.nodeName ?? '') ?? 0 }));
  ranked.sort((a, b) => compareForDeletion(a, b, nowMs));
  return { kind: 'delete', pods: ranked.slice(0, count).map(({ pod }) => pod) };
}
