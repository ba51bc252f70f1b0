/**
 * One informer: a store kept fresh by a reflector, and the handlers that hear of each change.
 *
 * Handlers run synchronously, right after the store changed, and should only note what is to be done; one that throws is
 * logged and does not disturb the others.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { KubeObject } from '#machinery/meta';
import type { ResourceClient, WatchEvent } from '../client.ts';
import type { Informer, InformerHandlers, InformerOptions } from '../informer-contract.ts';
import { keyOf, objectKey, ObjectStore } from './object-store.ts';
import { reflect, type ReflectorConsumer } from './reflector.ts';

export interface InformerDependencies { readonly clock: Clock; readonly random: Random; readonly log: Logger }

export class CachingInformer<T extends KubeObject> implements Informer<T>, ReflectorConsumer<T> {
  readonly #store = new ObjectStore<T>();
  readonly #handlers = new Set<InformerHandlers<T>>();
  readonly #options: InformerOptions<T>;
  readonly #log: Logger;
  #syncWaiters: (() => void)[] = [];
  #hasSynced = false;
  #version = '';

  constructor(options: InformerOptions<T>, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Runs until aborted. */
  run(client: ResourceClient<T>, dependencies: InformerDependencies, signal: AbortSignal): Promise<void> {
    const { labelSelector, fieldSelector } = this.#options;
    return reflect({
      ...dependencies, client, consumer: this, log: this.#log,
      ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }),
    }, signal);
  }

  get(name: string, namespace?: string): T | undefined { return this.#store.get(keyOf(name, namespace)); }
  list(namespace?: string): T[] { return this.#store.list(namespace); }
  byIndex(index: string, value: string): T[] { return this.#store.byIndex(index, value); }
  addIndex(name: string, values: (object: T) => readonly string[]): void { this.#store.addIndex(name, values); }
  hasSynced(): boolean { return this.#hasSynced; }
  resourceVersion(): string { return this.#version; }

  whenSynced(signal?: AbortSignal): Promise<void> {
    if (this.#hasSynced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) { reject(signal.reason); return; }
      const onAbort = (): void => {
        this.#syncWaiters = this.#syncWaiters.filter((waiter) => waiter !== onSynced);
        reject(signal!.reason);
      };
      const onSynced = (): void => { signal?.removeEventListener('abort', onAbort); resolve(); };
      this.#syncWaiters.push(onSynced);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  addHandlers(handlers: InformerHandlers<T>): () => void {
    this.#handlers.add(handlers);
    for (const object of this.#store.list()) this.#guard(() => handlers.onAdd?.(object, true));
    return () => { this.#handlers.delete(handlers); };
  }

  transform(object: T): T {
    return this.#options.transform === undefined ? object : this.#options.transform(object);
  }

  replace(objects: T[], resourceVersion: string): void {
    const gone = new Set(this.#store.keys());
    this.#version = resourceVersion;
    const initial = !this.#hasSynced;
    for (const object of objects) {
      const key = objectKey(object);
      gone.delete(key);
      this.#set(key, object, initial);
    }
    for (const key of gone) this.#delete(key);
    this.#hasSynced = true;
    for (const waiter of this.#syncWaiters.splice(0)) waiter();
  }

  apply(event: WatchEvent<T>): void {
    this.#version = event.object.metadata.resourceVersion ?? this.#version;
    if (event.type === 'BOOKMARK') return;
    const key = objectKey(event.object);
    if (event.type === 'DELETED') this.#delete(key, event.object); else this.#set(key, event.object, false);
  }

  #set(key: string, object: T, initial: boolean): void {
    const old = this.#store.set(key, object);
    if (old !== undefined && old.metadata.uid === object.metadata.uid) {
      if (old.metadata.resourceVersion !== object.metadata.resourceVersion) this.#tell((handlers) => handlers.onUpdate?.(old, object));
      return;
    }
    if (old !== undefined) this.#tell((handlers) => handlers.onDelete?.(old)); // recreated under the same name, unseen
    this.#tell((handlers) => handlers.onAdd?.(object, initial));
  }

  #delete(key: string, last?: T): void {
    const old = this.#store.delete(key);
    const object = last ?? old;
    if (old !== undefined && object !== undefined) this.#tell((handlers) => handlers.onDelete?.(object));
  }

  #tell(call: (handlers: InformerHandlers<T>) => void): void {
    for (const handlers of this.#handlers) this.#guard(() => call(handlers));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error('informer handler failed', { error });
    }
  }
}
