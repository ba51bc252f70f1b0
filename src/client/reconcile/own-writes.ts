/**
 * Read your own writes: tells whether the caches a controller decides from have seen what it wrote last.
 *
 * A controller that acts on a cache older than its own last write makes duplicates. So each write is noted under the key
 * it was made for, and the next reconciliation of that key waits until the caches show it:
 *
 *     created, updated  the cache has reached the version that the server answered
 *     deleted           the object is gone, being deleted, or another one
 *
 * Assumes that versions of one server can be compared as numbers, as upstream promises since v1.35.
 */
import type { Informer } from '../informer-contract.ts';
import type { KubeObject } from '#machinery/meta';

type Unseen = () => boolean;

export class OwnWrites {
  /** Only writes that were not yet seen. */
  readonly #byKey = new Map<string, Unseen[]>();

  wrote<T extends KubeObject>(key: string, informer: Informer<T>, written: T): void {
    const { name, namespace, resourceVersion } = written.metadata;
    const version = BigInt(resourceVersion ?? '0');
    this.#note(key, () => {
      if (reached(informer.resourceVersion(), version)) return false;
      return !reached(informer.get(name!, namespace)?.metadata.resourceVersion ?? '', version);
    });
  }

  deleted<T extends KubeObject>(key: string, informer: Informer<T>, object: T): void {
    const { name, namespace, uid } = object.metadata;
    this.#note(key, () => {
      const cached = informer.get(name!, namespace);
      return cached !== undefined && cached.metadata.uid === uid && cached.metadata.deletionTimestamp === undefined;
    });
  }

  /** All noted writes of this key are visible. */
  settled(key: string): boolean {
    const unseen = this.#byKey.get(key)?.filter((check) => check());
    if (unseen === undefined) return true;
    if (unseen.length === 0) { this.#byKey.delete(key); return true; }
    this.#byKey.set(key, unseen);
    return false;
  }

  forget(key: string): void { this.#byKey.delete(key); }

  #note(key: string, unseen: Unseen): void {
    if (!unseen()) return;
    const list = this.#byKey.get(key);
    if (list === undefined) this.#byKey.set(key, [unseen]); else list.push(unseen);
  }
}

function reached(version: string, wanted: bigint): boolean {
  return version !== '' && BigInt(version) >= wanted;
}

/** Keys are looked at again after this time, should the event that shows the write come under another key. */
export const UNSEEN_WRITE_RECHECK_MS = 200;
