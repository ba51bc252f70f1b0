/**
 * What an informer promises: a local, eventually fresh copy of one resource, and calls when it changes.
 *
 * Objects handed out are shared and must not be changed. Handlers are called in the order of the events of each object;
 * relists show as the updates and deletes that happened in between.
 */
import type { KubeObject, ResourceType } from '#machinery/meta';

export interface InformerHandlers<T> {
  onAdd?(object: T, initial: boolean): void;
  onUpdate?(old: T, current: T): void;
  /** The last known state; it may be stale when the deletion was only noticed by a relist. */
  onDelete?(object: T): void;
}

export interface Lister<T> {
  get(name: string, namespace?: string): T | undefined;
  /** All, or those of one namespace (an index; no scan). */
  list(namespace?: string): T[];
  /** Objects whose index function gave `value`. @throws Error for an index that was never added. */
  byIndex(index: string, value: string): T[];
}

export interface Informer<T extends KubeObject> extends Lister<T> {
  /** A new handler gets an `onAdd` for each object already known. @returns removes the handler. */
  addHandlers(handlers: InformerHandlers<T>): () => void;
  /** Adds an index; may be called before or after the start. Adding the same name again is a no-op. */
  addIndex(name: string, values: (object: T) => readonly string[]): void;
  hasSynced(): boolean;
  /** Resolves when the first list has been delivered to every handler. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** The newest version that this copy has seen, of any object; '' before the first list. */
  resourceVersion(): string;
}

export interface InformerOptions<T> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /**
   * Narrows each object before it is kept, to save memory. Must keep metadata name, namespace, uid and resourceVersion.
   * Informers are shared by those who pass the same function.
   */
  transform?(object: T): T;
}

/** One informer per (resource, options), shared by everyone in the process. */
export interface InformerFactory {
  for<T extends KubeObject>(resource: ResourceType<T>, options?: InformerOptions<T>): Informer<T>;
  /** An informer for these options was asked for before. */
  has(resource: ResourceType, options?: InformerOptions<KubeObject>): boolean;
  /** Stops one informer, such as that of a custom resource that is gone. */
  drop(resource: ResourceType, options?: InformerOptions<KubeObject>): Promise<void>;
  /** Starts every informer asked for so far (and later ones at once). */
  start(): void;
  whenSynced(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}
