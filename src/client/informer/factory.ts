/**
 * Makes and shares informers: one per resource, selectors and transform.
 *
 * By default managed fields are dropped from what is kept: nobody who reads caches needs them.
 */
import type { KubeObject, ResourceType } from '#machinery/meta';
import type { Client } from '../client.ts';
import type { Informer, InformerFactory, InformerOptions } from '../informer-contract.ts';
import { apiVersionOf } from '../resource-path.ts';
import { CachingInformer, type InformerDependencies } from './informer.ts';

export interface InformerFactoryOptions extends InformerDependencies {
  readonly client: Client;
}

interface Entry { readonly informer: CachingInformer<KubeObject>; readonly resource: ResourceType; readonly namespace: string | undefined; running?: { stop: AbortController; ended: Promise<void> } }

/** Without managed fields. Changes the object it is given: it was just decoded for the cache. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}

export function createInformerFactory(options: InformerFactoryOptions): InformerFactory {
  const entries = new Map<string, Entry>();
  const transformIds = new Map<unknown, number>();
  let started = false;
  let stopped = false;

  function identity(resource: ResourceType, wanted: InformerOptions<KubeObject>): string {
    const transform = wanted.transform ?? withoutManagedFields;
    if (!transformIds.has(transform)) transformIds.set(transform, transformIds.size);
    return [apiVersionOf(resource), resource.resource, wanted.namespace ?? '', wanted.labelSelector ?? '', wanted.fieldSelector ?? '', transformIds.get(transform)].join('|');
  }

  function startOne(entry: Entry): void {
    const stop = new AbortController();
    entry.running = { stop, ended: entry.informer.run(options.client.for(entry.resource, entry.namespace), options, stop.signal) };
  }

  function find<T extends KubeObject>(resource: ResourceType<T>, wanted: InformerOptions<T> = {}): Informer<T> {
    const id = identity(resource as ResourceType, wanted as unknown as InformerOptions<KubeObject>);
    let entry = entries.get(id);
    if (entry === undefined) {
      const informer = new CachingInformer<T>({ ...wanted, transform: wanted.transform ?? withoutManagedFields }, options.log.child({ resource: resource.resource }));
      entry = { informer: informer as unknown as CachingInformer<KubeObject>, resource: resource as ResourceType, namespace: wanted.namespace };
      entries.set(id, entry);
      if (started && !stopped) startOne(entry);
    }
    return entry.informer as unknown as Informer<T>;
  }

  return {
    for: find,
    has: (resource, wanted = {}) => entries.has(identity(resource, wanted)),
    async drop(resource, wanted = {}) {
      const id = identity(resource, wanted);
      const entry = entries.get(id);
      entries.delete(id);
      entry?.running?.stop.abort();
      await entry?.running?.ended;
    },
    start() {
      if (started) return;
      started = true;
      for (const entry of entries.values()) startOne(entry);
    },
    async whenSynced(signal) { await Promise.all([...entries.values()].map((entry) => entry.informer.whenSynced(signal))); },
    async stop() {
      stopped = true;
      for (const entry of entries.values()) entry.running?.stop.abort();
      await Promise.all([...entries.values()].map((entry) => entry.running?.ended));
    },
  };
}
