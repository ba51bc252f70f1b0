/** Writing the taints of a node: what others set is kept, a lost race is tried again with the newest node. */
import { nodes, type Node, type Taint } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { isConflict, isNotFound } from '#machinery/status-error';

const TRIES_MAX = 5;

export const sameTaint = (a: Pick<Taint, 'key' | 'effect'>, b: Pick<Taint, 'key' | 'effect'>): boolean => a.key === b.key && a.effect === b.effect;

/** The taints after adding and removing; undefined when nothing changes. */
export function changedTaints(current: readonly Taint[] | undefined, add: readonly Taint[], remove: readonly Pick<Taint, 'key' | 'effect'>[]): Taint[] | undefined {
  const taints = current ?? [];
  const missing = add.filter((taint) => !taints.some((known) => sameTaint(known, taint)));
  const kept = taints.filter((taint) => !remove.some((gone) => sameTaint(gone, taint)));
  return missing.length === 0 && kept.length === taints.length ? undefined : [...missing, ...kept];
}

/** @returns the node as written; undefined when nothing was to do, or the node is gone. */
export async function writeTaints(client: Client, node: Node, add: readonly Taint[], remove: readonly Pick<Taint, 'key' | 'effect'>[], signal: AbortSignal): Promise<Node | undefined> {
  const api = client.for(nodes);
  let current = node;
  for (let attempt = 1; ; attempt++) {
    const taints = changedTaints(current.spec?.taints, add, remove);
    if (taints === undefined) return undefined;
    const { uid, resourceVersion } = current.metadata;
    try {
      return await api.patch(node.metadata.name!, 'application/merge-patch+json', { metadata: { uid, resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isConflict(error) || attempt >= TRIES_MAX) throw error;
      try {
        current = await api.get(node.metadata.name!, { signal });
      } catch (failure) {
        if (isNotFound(failure)) return undefined;
        throw failure;
      }
      if (current.metadata.uid !== uid) return undefined;
    }
  }
}
