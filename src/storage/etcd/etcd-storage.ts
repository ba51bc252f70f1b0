/**
 * The etcd engine: the storage contract on an etcd v3 cluster, for control planes of several machines.
 *
 * A write is one transaction on the key's mod revision (and the guard's); the refusal reads what stands there in the same
 * transaction. Reads are linearizable. Deadlines and fail-over are `connection.ts`; watches that outlive streams `watch.ts`.
 *
 * Difference to the other engines: `requestProgress` is not passed on to etcd older than 3.4.25 and 3.5.8, whose answer may
 * overtake events; there a watch learns of revisions by its events alone.
 */
import { setMaxListeners } from 'node:events';
import { systemRandom, type Random } from '#base/random';
import {
  CompactedError, FutureRevisionError, KEY_LENGTH_MAX, TooLargeError, UnavailableError, VALUE_BYTES_MAX,
  type KeyValue, type StorageEngine, type WriteRequest, type WriteResult,
} from '../contract.ts';
import { EtcdConnection, type EtcdConnectionOptions } from './connection.ts';
import {
  keyBytes, toKeyValue, type LeaseTimeToLiveResponse, type RangeResponse, type StatusResponse, type TxnResponse,
} from './messages.ts';
import { etcdWatch, type EtcdWatch } from './watch.ts';

export interface EtcdStorageOptions extends EtcdConnectionOptions {
  /** For lease ids. */
  readonly random?: Random;
}

/** etcd's own minimum is a few seconds, by its election timeout. */
const LEASE_TTL_SECONDS_MIN = 1;
const LEASE_ID_MAX = 2 ** 47;
const PROBE_MS_MAX = 3_000;
/** Compare.result EQUAL and Compare.target MOD. */
const EQUAL = 0;
const MOD = 2;
const ALL = { key: Buffer.from('\0'), range_end: Buffer.from('\0') };

export function openEtcdStorage(options: EtcdStorageOptions): StorageEngine {
  const { clock, random = systemRandom } = options;
  const connection = new EtcdConnection(options);
  const closing = new AbortController();
  // As many watches as there are.
  setMaxListeners(0, closing.signal);
  const watches = new Set<EtcdWatch>();
  let progressKnownGood: boolean | undefined;

  const read = <R>(service: 'KV' | 'Lease' | 'Maintenance', method: string, request: object, signal?: AbortSignal): Promise<R> =>
    connection.call<R>(service, method, request, { write: false, signal });
  const range = (request: object, signal?: AbortSignal): Promise<RangeResponse> => exact(read<RangeResponse>('KV', 'Range', request, signal));
  const currentRevision = async (signal?: AbortSignal): Promise<number> =>
    (await read<RangeResponse>('KV', 'Range', { key: Buffer.from('\0'), count_only: true }, signal)).header.revision;

  /** etcd says that a revision is compacted or to come, not where the line is. */
  async function exact<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof CompactedError) throw new CompactedError(await compactedRevision());
      if (error instanceof FutureRevisionError) throw new FutureRevisionError(await currentRevision());
      throw error;
    }
  }

  /** A read at the first revision tells whether anything is compacted, the refusal of a watch from there how far. */
  async function compactedRevision(): Promise<number> {
    try {
      await read<RangeResponse>('KV', 'Range', { key: Buffer.from('\0'), revision: 1, count_only: true });
      return 0;
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
    }
    const abort = new AbortController();
    const probe = etcdWatch(connection, clock, { start: '\0', end: '\u0001', afterRevision: 0, signal: abort.signal }, closing.signal);
    const deadline = clock.setTimer(PROBE_MS_MAX, () => abort.abort(), { unref: true });
    try {
      await probe.batches().next();
      throw new UnavailableError('etcd did not say how far it is compacted');
    } catch (error) {
      if (error instanceof CompactedError) return error.compactedRevision;
      throw error;
    } finally {
      deadline.cancel();
      abort.abort();
    }
  }

  async function write(request: WriteRequest, signal?: AbortSignal): Promise<WriteResult> {
    const { key, value, expectedRevision, leaseId, guard } = request;
    if (key.length > KEY_LENGTH_MAX) throw new TooLargeError(`key is longer than ${KEY_LENGTH_MAX} characters`);
    if (value !== undefined && value.length > VALUE_BYTES_MAX) throw new TooLargeError(`value is larger than ${VALUE_BYTES_MAX} bytes`);
    const at = keyBytes(key);
    const isAt = (whose: Buffer, revision: number): object => ({ result: EQUAL, target: MOD, key: whose, mod_revision: revision });
    const compare: object[] = [];
    const failure: object[] = [{ request_range: { key: at } }];
    if (expectedRevision !== undefined) compare.push(isAt(at, expectedRevision));
    if (guard !== undefined) {
      const guardKey = keyBytes(guard.key);
      compare.push(isAt(guardKey, guard.modRevision));
      failure.push({ request_range: { key: guardKey, keys_only: true } });
    }
    const success = [value === undefined
      ? { request_delete_range: { key: at, prev_kv: true } }
      : { request_put: { key: at, value, lease: leaseId ?? 0, prev_kv: true } }];
    const answer = await connection.call<TxnResponse>('KV', 'Txn', { compare, success, failure }, { write: true, signal });
    const { revision } = answer.header;
    const [first, second] = answer.responses;
    if (answer.succeeded) {
      if (value === undefined && first!.response_delete_range!.deleted === 0) return { ok: false, current: undefined, revision };
      const previous = value === undefined ? first!.response_delete_range!.prev_kvs[0] : first!.response_put!.prev_kv ?? undefined;
      return { ok: true, revision, previous: previous === undefined ? undefined : toKeyValue(previous) };
    }
    const found = first!.response_range!.kvs[0];
    const fenced = guard !== undefined && (second!.response_range!.kvs[0]?.mod_revision ?? 0) !== guard.modRevision;
    return { ok: false, current: found === undefined ? undefined : toKeyValue(found), revision, ...(fenced ? { fenced: true } : {}) };
  }

  async function* watch(watchOptions: Parameters<StorageEngine['watch']>[0]): ReturnType<EtcdWatch['batches']> {
    assertOpen();
    const one = etcdWatch(connection, clock, watchOptions, closing.signal);
    watches.add(one);
    try {
      yield* one.batches();
    } finally {
      watches.delete(one);
    }
  }

  function assertOpen(): void { if (closing.signal.aborted) throw new UnavailableError('storage is closed'); }

  return {
    async get(key, { revision = 0, signal } = {}): Promise<KeyValue | undefined> {
      const { kvs } = await range({ key: keyBytes(key), revision }, signal);
      return kvs[0] === undefined ? undefined : toKeyValue(kvs[0]);
    },
    async range({ start, end, limit = 0, revision = 0, keysOnly = false }, signal) {
      const answer = await range({ key: keyBytes(start), range_end: keyBytes(end), limit, revision, keys_only: keysOnly }, signal);
      return { items: answer.kvs.map(toKeyValue), revision: revision === 0 ? answer.header.revision : revision, more: answer.more, count: answer.count };
    },
    write,
    watch,
    requestProgress() {
      if (progressKnownGood === undefined) {
        progressKnownGood = false;
        read<StatusResponse>('Maintenance', 'Status', {}).then(
          ({ version }) => { progressKnownGood = progressIsOrdered(version); if (progressKnownGood) this.requestProgress(); },
          () => { progressKnownGood = undefined; },
        );
      } else if (progressKnownGood) {
        for (const one of watches) one.requestProgress();
      }
    },
    currentRevision,
    async compact(revision) {
      try {
        await exact(connection.call('KV', 'Compact', { revision }, { write: true }));
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
      }
    },
    async grantLease(ttlSeconds) {
      const wanted = { ID: 1 + random.integer(LEASE_ID_MAX - 1), TTL: Math.max(LEASE_TTL_SECONDS_MIN, Math.ceil(ttlSeconds)) };
      return (await connection.call<{ ID: number }>('Lease', 'LeaseGrant', wanted, { write: true })).ID;
    },
    async leaseSecondsLeft(leaseId) {
      const { TTL } = await read<LeaseTimeToLiveResponse>('Lease', 'LeaseTimeToLive', { ID: leaseId });
      return TTL < 0 ? undefined : TTL;
    },
    async status() {
      const [server, all, compacted] = await Promise.all([
        read<StatusResponse>('Maintenance', 'Status', {}), range({ ...ALL, count_only: true }), compactedRevision(),
      ]);
      return { engine: 'etcd', revision: all.header.revision, compactedRevision: compacted, keys: all.count, bytes: server.dbSize, quotaBytes: 0 };
    },
    async close() {
      closing.abort();
      connection.close();
    },
  };
}

/** Whether a progress answer of this version never overtakes events. */
export function progressIsOrdered(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major !== 3) return major > 3;
  return minor > 5 || (minor === 5 && patch >= 8) || (minor === 4 && patch >= 25);
}
