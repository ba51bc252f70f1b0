/** One store per stored kind, shared by the versions that serve it. */
import { resolveType, type ResourceInfo } from '#api/registry';
import { formatGroupVersion } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import type { StorageEngine } from '#storage/contract';
import { conversionOf, convertBetween, storedIdentity } from '../resources/conversions.ts';
import type { RegisteredResource } from '../resources/registry.ts';
import type { ResourceDefinition } from '../resources/definition.ts';
import { serveResource, type ServedResource } from '../served-resource.ts';
import type { Describer } from './described.ts';
import { storagePrefix } from './prefixes.ts';
import type { NamedStore } from './cache-metrics.ts';
import { ResourceStore } from './resource-store.ts';
import { typedEncoding } from './stored-encoding.ts';
import type { StorageFeed } from './storage-feed.ts';

export interface BuiltInStores {
  readonly served: readonly ServedResource[];
  readonly all: readonly ResourceStore[];
  readonly named: readonly NamedStore[];
  /** @throws Error when there is none. */
  storeOf(group: string, resource: string): ResourceStore;
}

export function builtInStores(options: { engine: StorageEngine; feed: StorageFeed; now: () => number; resources: readonly RegisteredResource[] }): BuiltInStores {
  const byPrefix = new Map<string, { store: ResourceStore; describer: Describer }>();
  const served: ServedResource[] = [];
  const byName = new Map<string, ResourceStore>();
  /** By prefix: what several groups serve counts once. */
  const named = new Map<string, NamedStore>();
  for (const { info, definition } of options.resources) {
    const stored = storedIdentity(info, definition);
    const prefix = storagePrefix(info.group, info.resource);
    let shared = byPrefix.get(prefix);
    if (shared === undefined) {
      const storing = options.resources.find((one) => one.info.group === stored.info.group && one.info.version === stored.info.version && one.info.resource === stored.info.resource)?.definition ?? definition;
      const { tail, encode, canonical } = typedEncoding(stored.info.type, formatGroupVersion(stored.info.group, stored.info.version), stored.info.kind);
      const describer = describerOf(info, storing, canonical);
      shared = { describer, store: new ResourceStore({ engine: options.engine, feed: options.feed, prefix, tail, encode, describer, now: options.now, lend: true }) };
      byPrefix.set(prefix, shared);
      named.set(prefix, { group: info.group, resource: info.resource, store: shared.store });
    }
    byName.set(`${info.group}/${info.resource}`, shared.store);
    served.push(serveResource({
      info, definition, ...shared, storedApiVersion: formatGroupVersion(stored.info.group, stored.info.version), storedKind: stored.info.kind,
      conversion: conversionOf(info, stored.info), resolve: resolveType, custom: false, convertTo: (object, apiVersion) => convertBetween(info, stored.info, object, apiVersion),
    }));
  }
  return {
    served, named: [...named.values()], all: [...byPrefix.values()].map((one) => one.store),
    storeOf(group, resource) {
      const store = byName.get(`${group}/${resource}`);
      if (store === undefined) throw new Error(`${resource}.${group} is not stored`);
      return store;
    },
  };
}

function describerOf(info: ResourceInfo, definition: ResourceDefinition, canonical: (bytes: Buffer) => Buffer): Describer {
  const { selectableFields, selectableFieldsFrom } = definition;
  const wanted = selectableFields === undefined ? {} : selectableFieldsFrom;
  return {
    namespaced: info.namespaced, canonical, ...(wanted === undefined ? {} : { wanted: { ...wanted, metadata: { labels: true } } }),
    fields: selectableFields === undefined ? () => undefined : (object: KubeObject) => selectableFields.call(definition, object),
  };
}
