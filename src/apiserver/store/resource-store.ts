/**
 * The stored objects of one resource: reads that are never stale by mistake, and writes by compare-and-swap.
 *
 * Single objects are read from the engine, collections from the watch cache once it is as fresh as the engine, and older
 * revisions from the engine's history. It knows bytes, revisions and keys; what an object must look like is the handlers'
 * business.
 */
import { isDeepStrictEqual } from 'node:util';
import type { LeaderTerm } from '#client/leader-election/leader-term';
import type { KubeObject } from '#machinery/meta';
import { newBadRequest, newResourceExpired, newStatusError, newTimeout, StatusError } from '#machinery/status-error';
import { CompactedError, FutureRevisionError, NoSpaceError, prefixEnd, UnavailableError, type KeyValue, type StorageEngine } from '#storage/contract';
import { decodeContinue, encodeContinue, type ContinueToken } from './continue-token.ts';
import { describe, rememberDescription, selectAll, selects, type DescribedObject, type Describer, type Selection } from './described.ts';
import { LeaderFence } from './leader-fence.ts';
import { readRange } from './readable-range.ts';
import type { PastState } from './past-states.ts';
import { decodeStored, encodeStored } from './stored-object.ts';
import type { StorageFeed } from './storage-feed.ts';
import type { VersionView } from './version-view.ts';
import { WatchCache } from './watch-cache.ts';

/** Canonical bytes and the revision they were written at. */
export interface StoredBytes { readonly bytes: Buffer; readonly revision: number }

export interface ListRequest {
  readonly selection: Selection;
  /** 0: no limit. */
  readonly limit: number;
  readonly continueToken: string;
  /** Undefined: the newest committed state. */
  readonly revision: { readonly atLeast: number } | { readonly exactly: number } | undefined;
}

export interface ListResult {
  readonly items: readonly DescribedObject[];
  readonly revision: number;
  /** '' at the end. */
  readonly continueToken: string;
  readonly remaining: number | undefined;
}

/** What a change makes of the object it was shown: a new object, nothing to write, or the key's deletion. */
export type Change = { readonly kind: 'put'; readonly object: KubeObject; readonly leaseId?: number } | { readonly kind: 'keep' } | { readonly kind: 'delete' };

/** `term`: of the leader that asks, if one does; the write is refused when it is over. */
export interface CreateOptions { readonly leaseId?: number | undefined; readonly term?: LeaderTerm | undefined }
export interface UpdateOptions { readonly dryRun?: boolean; readonly term?: LeaderTerm | undefined }

type Written = Pick<KeyValue, 'key' | 'value' | 'modRevision'>;

export interface ResourceStoreOptions {
  readonly engine: StorageEngine;
  readonly feed: StorageFeed;
  readonly prefix: string;
  /** With `view`: of its version, like `encode`. */
  readonly tail: string;
  readonly encode?: (object: KubeObject) => Buffer;
  readonly describer: Describer;
  now(): number;
  readonly view?: VersionView;
  /** Of the store that is looked upon. */
  readonly cache?: WatchCache;
  /** The cache may leave bytes in the store: not where they are known by their buffers. */
  readonly lend?: boolean;
}

const HISTORY_PAGE_KEYS = 500;
const UPDATE_ATTEMPTS_MAX = 100;
/** What callers are told to wait when nothing can be stored. */
const RETRY_AFTER_SECONDS = 1;
/** Largest object, bytes as stored (upstream: etcd's request limit). */
export const OBJECT_BYTES_MAX = 1_572_864;

export class ResourceStore {
  readonly prefix: string;
  readonly cache: WatchCache;
  readonly feed: StorageFeed;
  readonly #engine: StorageEngine;
  readonly #tail: string;
  readonly #describer: Describer;
  readonly #encoder: (object: KubeObject) => Buffer;
  readonly #fence: LeaderFence;
  /** Shows another version than the stored one. */
  readonly view: VersionView | undefined;

  constructor(options: ResourceStoreOptions) {
    this.#encoder = options.encode ?? ((object) => encodeStored(object, options.tail));
    this.#engine = options.engine;
    this.#fence = new LeaderFence(options.engine);
    this.feed = options.feed;
    this.prefix = options.prefix;
    this.#tail = options.tail;
    this.#describer = options.describer;
    this.view = options.view;
    this.cache = options.cache ?? new WatchCache({ prefix: options.prefix, describer: options.describer, now: options.now, lend: options.lend ?? false });
  }

  /** What the objects' bytes end with. */
  get tail(): string { return this.#tail; }
  get engine(): StorageEngine { return this.#engine; }

  keyOf(namespace: string, name: string): string {
    return namespace === '' ? this.prefix + name : `${this.prefix}${namespace}/${name}`;
  }

  /** The newest committed version. */
  async get(key: string, signal?: AbortSignal): Promise<StoredBytes | undefined> {
    const found = await this.#engine.get(key, signal === undefined ? undefined : { signal }).catch(asStatus);
    if (found !== undefined) {
      this.feed.noteShown(found.modRevision);
      return this.view === undefined ? this.#canonical(found) : this.#shown(found, signal);
    }
    // The caller has seen that it is gone: nobody gets it from the cache any more.
    if (this.cache.get(key.slice(this.prefix.length)) !== undefined) this.feed.noteShown(await this.#engine.currentRevision(signal).catch(asStatus));
    return undefined;
  }

  #canonical({ value, modRevision }: Written): StoredBytes { return { bytes: this.#describer.canonical(value), revision: modRevision }; }

  /** As the view shows it. What the cache has already is shared with others. */
  async #shown(found: Written, signal?: AbortSignal): Promise<StoredBytes> {
    const key = found.key.slice(this.prefix.length);
    const cached = this.cache.get(key);
    const object = cached?.revision === found.modRevision ? cached : describe(key, found.value, found.modRevision, this.#describer);
    return (await this.#seen([object], signal))[0]!;
  }

  /** As fresh as `revision` at least; 0: as anything that this server has shown. */
  async getNotOlder(key: string, revision: number, signal?: AbortSignal): Promise<StoredBytes | undefined> {
    if (await this.feed.waitFor(Math.max(revision, this.feed.shown), signal)) {
      const cached = this.cache.get(key.slice(this.prefix.length));
      return cached === undefined ? undefined : (await this.#seen([cached], signal))[0];
    }
    if (revision > this.feed.shown) throw tooLargeRevision(revision, this.feed.revision);
    return this.get(key, signal);
  }

  /** @returns undefined when the key is taken. */
  async create(key: string, object: KubeObject, { leaseId, term }: CreateOptions = {}): Promise<StoredBytes | undefined> {
    const bytes = this.view === undefined ? this.#encode(object) : limited(await this.view.store(object));
    const result = await this.#fence.write({ key, value: bytes, expectedRevision: 0, ...(leaseId === undefined ? {} : { leaseId }) }, term).catch(asStatus);
    if (!result.ok) return undefined;
    this.feed.noteShown(result.revision);
    const written = { key, value: bytes, modRevision: result.revision };
    return this.view === undefined ? this.#canonical(written) : this.#shown(written);
  }

  /** What `create` would store, for dry runs. */
  encode(object: KubeObject): Buffer { return this.#encode(object); }

  /**
   * Shows the newest version to `change` and writes what it returns, again when somebody else was faster.
   * `change` gets undefined when there is no object; it refuses by throwing. Nothing is written when bytes do not change.
   */
  async update(key: string, change: (current: KubeObject | undefined, stored: StoredBytes | undefined) => Promise<Change> | Change, { dryRun = false, term }: UpdateOptions = {}): Promise<StoredBytes | undefined> {
    let found = await this.#engine.get(key).catch(asStatus);
    for (let attempt = 0; attempt < UPDATE_ATTEMPTS_MAX; attempt++) {
      const stored = found === undefined ? undefined : this.view === undefined ? this.#canonical(found) : await this.#shown(found);
      const next = await change(stored === undefined ? undefined : decodeStored(stored.bytes, stored.revision, this.#describer.exactNumbers), stored);
      if (next.kind === 'keep') return stored;
      const value = next.kind === 'put' ? this.#encode(next.object) : undefined;
      const bytes = next.kind === 'put' && this.view !== undefined ? limited(await this.view.store(next.object)) : value;
      if (bytes !== undefined && stored !== undefined && (this.view !== undefined || stored.bytes === found!.value) && sameObject(bytes, found!.value)) return stored;
      if (dryRun) return value === undefined ? stored : { bytes: value, revision: stored?.revision ?? 0 };
      const result = await this.#fence.write({
        key, value: bytes, expectedRevision: found?.modRevision ?? 0, ...(next.kind === 'put' && next.leaseId !== undefined ? { leaseId: next.leaseId } : {}),
      }, term).catch(asStatus);
      if (result.ok) {
        this.feed.noteShown(result.revision);
        if (this.view !== undefined && bytes !== undefined) return await this.#shown({ key, value: bytes, modRevision: result.revision });
        return { bytes: value ?? stored!.bytes, revision: result.revision };
      }
      found = result.current;
    }
    throw newStatusError(409, 'Conflict', `the object at ${key} changes too often to be updated`);
  }

  /** Deletes what cannot be read as an object of this kind, and nothing else. */
  async removeUnreadable(key: string): Promise<'removed' | 'readable' | 'missing'> {
    let revision: number | undefined;
    try {
      const found = await this.#engine.get(key);
      if (found === undefined) return 'missing';
      revision = found.modRevision;
      decodeStored(this.#describer.canonical(found.value), revision);
      return 'readable';
    } catch (error) {
      if (error instanceof UnavailableError) asStatus(error);
      // A damaged record has no value, but its key is there.
      revision ??= (await this.#engine.range({ start: key, end: `${key}\0`, keysOnly: true }).catch(asStatus)).items[0]?.modRevision;
    }
    if (revision === undefined) return 'missing';
    const result = await this.#engine.write({ key, value: undefined, expectedRevision: revision }).catch(asStatus);
    this.feed.noteShown(result.revision);
    return result.ok ? 'removed' : 'readable';
  }

  async list(request: ListRequest, signal?: AbortSignal): Promise<ListResult> {
    const { selection, limit, revision } = request;
    await this.cache.untilSettled();
    if (request.continueToken !== '') {
      const token = decodeContinue(request.continueToken);
      if (revision !== undefined && !('atLeast' in revision && revision.atLeast === 0)) throw newBadRequest('specifying resource version is not allowed when using continue');
      return this.#continue(request, token, signal);
    }
    if (revision !== undefined && 'exactly' in revision) {
      const past = this.view === undefined ? this.cache.past(revision.exactly) : undefined;
      return past === undefined ? this.#history(request, revision.exactly, '', false, signal) : this.#cached(request, past, '');
    }
    const atLeast = revision?.atLeast ?? 0;
    if (atLeast > this.feed.shown && !await this.feed.waitFor(atLeast, signal)) throw tooLargeRevision(atLeast, this.feed.revision);
    if (!await this.#cacheIs(revision === undefined ? 'fresh' : 'not older', signal)) return this.#newest(request, '', signal);
    const at = this.#shownRevision();
    if (limit > 0 && revision?.atLeast !== 0 && this.view === undefined) return this.#cached(request, this.cache.present(at), '');
    const all = await this.#matching(selection, '', signal);
    if (limit <= 0 || revision?.atLeast === 0 || !this.#hasMore(selection, all, limit)) return { items: await this.#seen(all, signal), revision: at, continueToken: '', remaining: undefined };
    const items = await this.#seen(all.slice(0, limit), signal);
    return { items, revision: at, continueToken: this.#tokenAfter(selection, items.at(-1)!.key, at), remaining: selection.everything ? all.length - limit : undefined };
  }

  /** Whether a page is followed by another, which may turn out to be empty. */
  #hasMore(selection: Selection, matching: readonly DescribedObject[], limit: number): boolean {
    return limit < matching.length || (limit === matching.length && !selection.everything && this.cache.hasAfter(selection, matching.at(-1)!.key));
  }

  /** The cache holds all that is committed (or all that this server has shown); false: not in time. */
  async #cacheIs(what: 'fresh' | 'not older', signal: AbortSignal | undefined): Promise<boolean> {
    const reached = what === 'fresh' ? await this.feed.waitUntilFresh(signal).catch(asStatus) : await this.feed.waitFor(this.feed.shown, signal);
    signal?.throwIfAborted();
    return reached;
  }

  /** The revision of what the cache shows now. */
  #shownRevision(): number {
    const revision = this.cache.currentRevision(this.feed.revision);
    this.feed.noteShown(revision);
    return revision;
  }

  /** Past a cache that does not keep up: from the store itself. */
  async #newest(request: ListRequest, start: string, signal: AbortSignal | undefined): Promise<ListResult> {
    const revision = await this.#engine.currentRevision(signal).catch(asStatus);
    this.feed.noteShown(revision);
    return this.#history(request, revision, start, false, signal);
  }

  /** Matching objects, in one step with the revision. Selectors are about what is shown; where there are none, only what is answered with needs to be seen. */
  async #matching(selection: Selection, after: string, signal?: AbortSignal): Promise<readonly DescribedObject[]> {
    if (this.view === undefined || selection.everything) return this.cache.select(selection, after);
    const candidates = this.cache.select({ ...selectAll(selection.namespace), name: selection.name }, after);
    return (await this.view.show(candidates, signal)).filter((object) => selects(selection, object));
  }

  async #seen(objects: readonly DescribedObject[], signal?: AbortSignal): Promise<readonly DescribedObject[]> {
    return this.view === undefined ? objects : this.view.show(objects, signal);
  }

  /** A page of a state that the cache knows. `after` is exclusive. */
  #cached({ selection, limit }: ListRequest, state: PastState, after: string): ListResult {
    const { items, behind } = this.cache.page(state, selection, after, limit > 0 ? limit : Infinity);
    // A selector is not looked at behind the page: the next one may turn out to be empty.
    const only = selection.name !== undefined && (selection.namespace !== '' || !this.#describer.namespaced);
    if (behind === 0 || only) return { items, revision: state.revision, continueToken: '', remaining: undefined };
    return { items, revision: state.revision, continueToken: this.#tokenAfter(selection, items.at(-1)!.key, state.revision), remaining: selection.everything ? behind : undefined };
  }

  #tokenAfter(selection: Selection, key: string, revision: number): string {
    const start = selection.namespace === '' ? key : key.slice(selection.namespace.length + 1);
    return encodeContinue({ start: `${start}\0`, revision });
  }

  async #continue(request: ListRequest, token: ContinueToken, signal?: AbortSignal): Promise<ListResult> {
    const { selection, limit } = request;
    const start = selection.namespace === '' ? token.start : `${selection.namespace}/${token.start}`;
    if (token.revision > 0) {
      const past = this.view === undefined ? this.cache.past(token.revision) : undefined;
      return past === undefined ? this.#history(request, token.revision, start, true, signal) : this.#cached(request, past, start.replace(/\0$/, ''));
    }
    if (!await this.#cacheIs('fresh', signal)) return this.#newest(request, start, signal);
    const at = this.#shownRevision();
    const all = await this.#matching(selection, start.replace(/\0$/, ''), signal);
    const items = await this.#seen(limit > 0 ? all.slice(0, limit) : all, signal);
    const more = limit > 0 && this.#hasMore(selection, all, limit);
    return { items, revision: at, continueToken: more ? this.#tokenAfter(selection, items.at(-1)!.key, at) : '', remaining: more && selection.everything ? all.length - items.length : undefined };
  }

  /** Reads as of a past revision from the engine's history, page by page until enough match. */
  async #history(request: ListRequest, revision: number, start: string, continued: boolean, signal?: AbortSignal): Promise<ListResult> {
    const { selection, limit } = request;
    const range = selection.namespace === '' ? this.prefix : `${this.prefix}${selection.namespace}/`;
    const end = prefixEnd(range);
    let from = start === '' ? range : this.prefix + start;
    const items: DescribedObject[] = [];
    for (;;) {
      const want = limit > 0 && selection.everything ? limit - items.length : HISTORY_PAGE_KEYS;
      let page;
      try {
        page = await readRange(this.#engine, { start: from, end, limit: want, revision }, () => undefined, signal);
      } catch (error) {
        if (error instanceof CompactedError) throw this.#expired(start, selection, continued);
        if (error instanceof FutureRevisionError) throw tooLargeRevision(revision, error.currentRevision);
        throw asStatus(error);
      }
      for (const [index, object] of (await this.#describePage(page.items, signal)).entries()) {
        if (object === undefined || !selects(selection, object)) continue;
        items.push(object);
        if (limit > 0 && items.length === limit && (page.more || index < page.items.length - 1)) {
          return { items, revision, continueToken: this.#tokenAfter(selection, object.key, revision), remaining: selection.everything ? page.count - index - 1 : undefined };
        }
      }
      if (!page.more) return { items, revision, continueToken: '', remaining: undefined };
      from = `${page.lastKey}\0`;
    }
  }

  async #describePage(items: readonly KeyValue[], signal?: AbortSignal): Promise<readonly (DescribedObject | undefined)[]> {
    const described = items.map((item) => this.cache.describeStored(item));
    if (this.view === undefined) return described;
    const shown = [...await this.view.show(described.filter((object) => object !== undefined), signal)];
    return described.map((object) => (object === undefined ? undefined : shown.shift()));
  }

  #expired(start: string, selection: Selection, continued: boolean): StatusError {
    if (!continued) return newResourceExpired('The resourceVersion for the provided list is too old.');
    const relative = selection.namespace === '' ? start : start.slice(selection.namespace.length + 1);
    const error = newResourceExpired('The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.');
    return new StatusError({ ...error.status, metadata: { continue: encodeContinue({ start: relative, revision: -1 }) } });
  }

  #encode(object: KubeObject): Buffer {
    const bytes = limited(this.#encoder(object));
    rememberDescription(bytes, object, this.#describer);
    return bytes;
  }
}

/** @throws StatusError 413 */
function limited(bytes: Buffer): Buffer {
  if (bytes.length <= OBJECT_BYTES_MAX) return bytes;
  throw newStatusError(413, 'RequestEntityTooLarge', `Request entity too large: the object has ${bytes.length} bytes, limit is ${OBJECT_BYTES_MAX}`);
}

/** Equal but for the order of keys: then their lengths are equal too. */
function sameObject(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length) return false;
  return a.equals(b) || (sameBytes(a, b) && isDeepStrictEqual(JSON.parse(a.toString('utf8')), JSON.parse(b.toString('utf8'))));
}

/** The same bytes in some order, as their sums tell: most changes, a time above all, need not be parsed to be seen. */
function sameBytes(a: Buffer, b: Buffer): boolean {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x !== y) { sum += x - y; squares += x * x - y * y; }
  }
  return sum === 0 && squares === 0;
}

export function tooLargeRevision(revision: number, current: number): StatusError {
  const error = newTimeout(`Too large resource version: ${revision}, current: ${current}`, 1);
  return new StatusError({
    ...error.status, details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 },
  });
}

/** The engine's failures as answers. @throws always */
function asStatus(error: unknown): never {
  if (error instanceof NoSpaceError) throw newStatusError(507, '', `etcdserver: mvcc: database space exceeded`);
  if (!(error instanceof UnavailableError)) throw error;
  if (error.unknown) throw newTimeout(`the request may or may not have been carried out: storage is unavailable: ${error.message}`);
  throw newStatusError(503, 'ServiceUnavailable', `storage is unavailable: ${error.message}`, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

export type { KeyValue };
