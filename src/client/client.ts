/**
 * The interface of the typed REST client. `rest-client.ts` makes one from a `Transport`.
 *
 *     const pod = await client.for(pods, 'default').get('web');
 *
 * Every failure the server answered is a `StatusError` (`#machinery/status-error`); no answer is a `TransportError`.
 */
import type { KubeList, KubeObject, ResourceType } from '#machinery/meta';

export type PatchType = 'application/json-patch+json' | 'application/merge-patch+json' | 'application/strategic-merge-patch+json' | 'application/apply-patch+yaml';

export interface CallOptions { signal?: AbortSignal }
/** `resourceVersion` '0': whatever the server has at hand. */
export interface GetOptions extends CallOptions { resourceVersion?: string }

export interface ListOptions extends CallOptions {
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchOptions extends CallOptions {
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
  timeoutSeconds?: number;
}

export interface WriteOptions extends CallOptions { fieldManager?: string; dryRun?: boolean; subresource?: string }
export interface PatchOptions extends WriteOptions { force?: boolean }

export interface DeleteOptions extends CallOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Only `metadata.resourceVersion` is meaningful (and the initial-events-end annotation). */
  | { type: 'BOOKMARK'; object: T };

export interface ResourceClient<T extends KubeObject> {
  get(name: string, options?: GetOptions): Promise<T>;
  /** One page. `paginate.ts` follows `continue`. */
  list(options?: ListOptions): Promise<KubeList<T>>;
  /** Ends when the server ends it. An ERROR event is thrown as `StatusError` (410: list again). */
  watch(options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create(object: T, options?: WriteOptions): Promise<T>;
  update(object: T, options?: WriteOptions): Promise<T>;
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(name: string, type: PatchType, patch: unknown, options?: PatchOptions): Promise<T>;
  delete(name: string, options?: DeleteOptions): Promise<void>;
  deleteCollection(options?: ListOptions & DeleteOptions): Promise<void>;
  /** POST to a subresource: `binding`, `eviction`, `token`. */
  createSubresource<B, R = unknown>(name: string, subresource: string, body: B, options?: CallOptions): Promise<R>;
}

export interface Client {
  /** @param namespace absent for cluster-scoped resources and for all namespaces (list, watch). */
  for<T extends KubeObject>(resource: ResourceType<T>, namespace?: string): ResourceClient<T>;
  /** Any other request with a JSON answer, such as discovery. @throws StatusError */
  raw<T = unknown>(method: string, path: string, options?: CallOptions & { body?: unknown; contentType?: string; accept?: string }): Promise<T>;
  /** The same connection, with these headers on each request. */
  withHeaders(headers: Readonly<Record<string, string>>): Client;
  close(): Promise<void>;
}
