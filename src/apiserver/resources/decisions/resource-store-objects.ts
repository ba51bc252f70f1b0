/** `StoredObjects` over the store of one resource, whose served version is the stored one. */
import type { KubeObject } from '#machinery/meta';
import type { ResourceStore, StoredBytes } from '../../store/resource-store.ts';
import { decodeStored } from '../../store/stored-object.ts';
import type { StoredObjects } from './stored-objects.ts';

/** For readers that change nothing: an object is parsed once for all of them. */
export function sharedStoreObjects<T extends KubeObject>(store: ResourceStore): Pick<StoredObjects<T>, 'get'> {
  const parsed = new WeakMap<Buffer, T>();
  return {
    async get(namespace, name, signal) {
      const found = await store.get(store.keyOf(namespace, name), signal);
      if (found === undefined) return undefined;
      let object = parsed.get(found.bytes);
      if (object === undefined) {
        object = decodeStored<T>(found.bytes, found.revision);
        parsed.set(found.bytes, object);
      }
      return object;
    },
  };
}

export function resourceStoreObjects<T extends KubeObject>(store: ResourceStore): StoredObjects<T> {
  const decoded = ({ bytes, revision }: StoredBytes): T => decodeStored<T>(bytes, revision);
  return {
    async get(namespace, name, signal) {
      const found = await store.get(store.keyOf(namespace, name), signal);
      return found === undefined ? undefined : decoded(found);
    },
    async change(namespace, name, change, { dryRun, term }) {
      const stored = await store.update(store.keyOf(namespace, name), (current) => ({ kind: 'put', object: change(current as T | undefined) }), { dryRun, term });
      return decoded(stored!);
    },
  };
}
