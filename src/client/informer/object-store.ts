/**
 * The copy behind an informer: objects by key, and indexes over them.
 *
 * Invariant: an object is in exactly the index buckets that its index functions name for the version kept; buckets are
 * removed when empty. Synchronous, so that a reader never sees half a change.
 */
import type { KubeObject } from '#machinery/meta';

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name! : `${namespace}/${name!}`;
}

export function keyOf(name: string, namespace?: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

interface Index<T> { readonly values: (object: T) => readonly string[]; readonly buckets: Map<string, Set<string>> }

const NAMESPACE_INDEX = '\0namespace';

export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor() {
    this.addIndex(NAMESPACE_INDEX, (object) => [object.metadata.namespace ?? '']);
  }

  get(key: string): T | undefined { return this.#objects.get(key); }
  keys(): IterableIterator<string> { return this.#objects.keys(); }
  size(): number { return this.#objects.size; }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(NAMESPACE_INDEX, namespace);
  }

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`no index "${name}"`);
    const keys = index.buckets.get(value);
    return keys === undefined ? [] : Array.from(keys, (key) => this.#objects.get(key)!);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { values, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  /** @returns what was there before. */
  set(key: string, object: T): T | undefined {
    const old = this.#objects.get(key);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) leave(index, key, old);
      enter(index, key, object);
    }
    this.#objects.set(key, object);
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    for (const index of this.#indexes.values()) leave(index, key, old);
    this.#objects.delete(key);
    return old;
  }
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const bucket = index.buckets.get(value);
    if (bucket === undefined) index.buckets.set(value, new Set([key])); else bucket.add(key);
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const bucket = index.buckets.get(value);
    if (bucket?.delete(key) === true && bucket.size === 0) index.buckets.delete(value);
  }
}
