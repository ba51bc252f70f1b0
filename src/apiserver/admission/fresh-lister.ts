/**
 * Lists a resource of one namespace for plugins that must not miss a new object: from the local copy, and where that has none
 * from the API server, whose "none" is believed for a while.
 */
import { LRUCache } from 'lru-cache';
import type { KubeObject, ResourceType } from '#machinery/meta';
import type { AdmissionDependencies } from './dependencies.ts';

const NAMESPACES_MAX = 10_000;
const BELIEVED_MS = 30_000;

export function freshLister<T extends KubeObject>(
  { client, informers, clock }: Pick<AdmissionDependencies, 'client' | 'informers' | 'clock'>, resource: ResourceType<T>,
): (namespace: string, asking: { readonly signal: AbortSignal }) => Promise<readonly T[]> {
  const informer = informers.for(resource);
  const emptyUntil = new LRUCache<string, number>({ max: NAMESPACES_MAX });
  return async (namespace, asking) => {
    const known = informer.list(namespace);
    if (known.length > 0 || (emptyUntil.get(namespace) ?? 0) > clock.now()) return known;
    const { items } = await client.for(resource, namespace).list({ signal: asking.signal });
    if (items.length === 0) emptyUntil.set(namespace, clock.now() + BELIEVED_MS);
    return items;
  };
}
