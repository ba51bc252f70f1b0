/** etcd's Put and DeleteRange as steps of a transaction: checked before anything is written, answered when all is durable. */
import type { TransactionWriter } from '../mvcc/mvcc-store.ts';
import type { Version } from '../mvcc/version.ts';
import { emptyKey, keyNotFound, leaseIdTooLarge, leaseNotFound, leaseProvided, valueProvided } from './errors.ts';
import type { FaceContext } from './face-context.ts';
import { keyOf, keyRange, keyValueBytes } from './keys.ts';
import { encodeMessage } from './message-codec.ts';

export interface PutRequest {
  readonly key: Buffer; readonly value: Buffer; readonly lease: number; readonly prev_kv: boolean; readonly ignore_value: boolean; readonly ignore_lease: boolean;
}
export interface DeleteRangeRequest { readonly key: Buffer; readonly range_end: Buffer; readonly prev_kv: boolean }

/** Encodes an answer once the transaction is durable: revisions are known by then. @param header encoded */
export type Answer = (header: Buffer) => Buffer;

/** @throws GrpcError */
export function checkPut({ key, value, lease, ignore_value: ignoreValue, ignore_lease: ignoreLease }: PutRequest): void {
  if (key.length === 0) throw emptyKey();
  if (ignoreValue && value.length > 0) throw valueProvided();
  if (ignoreLease && lease !== 0) throw leaseProvided();
  if (!Number.isSafeInteger(lease)) throw leaseIdTooLarge();
}

/** On the state before the transaction. @throws GrpcError */
export function checkPutInTxn({ store: { core } }: FaceContext, request: PutRequest): void {
  if ((request.ignore_value || request.ignore_lease) && core.keyspace.newestOf(keyOf(request.key)) === undefined) throw keyNotFound();
  if (request.lease !== 0 && core.leases.get(request.lease) === undefined) throw leaseNotFound();
}

/** @throws GrpcError, and what the writer throws */
export function put({ store: { core } }: FaceContext, writer: TransactionWriter, request: PutRequest): Answer {
  const key = keyOf(request.key);
  if (request.lease !== 0 && core.leases.get(request.lease) === undefined) throw leaseNotFound();
  let previous: { readonly version: Version; readonly value: Buffer } | undefined;
  if (request.prev_kv || request.ignore_value || request.ignore_lease) {
    const version = core.keyspace.newestOf(key);
    if (version === undefined && (request.ignore_value || request.ignore_lease)) throw keyNotFound();
    if (version !== undefined) previous = { version, value: core.valueOf(version) };
  }
  // A copy: what the request came in is much larger, and ends.
  const value = request.ignore_value ? previous!.value : Buffer.from(request.value);
  writer.put(key, value, request.ignore_lease ? previous!.version.leaseId : request.lease);
  const before = request.prev_kv ? previous : undefined;
  return (header) => encodeMessage('PutResponse', { header, prev_kv: before === undefined ? undefined : keyValueBytes(before.version, before.value) });
}

/** @throws GrpcError */
export function checkDelete({ key }: DeleteRangeRequest): void { if (key.length === 0) throw emptyKey(); }

export function deleteRange({ store: { core } }: FaceContext, writer: TransactionWriter, request: DeleteRangeRequest): Answer {
  const { start, end, single } = keyRange(request.key, request.range_end);
  const { keyspace } = core;
  const one = single ? keyspace.newestOf(start) : undefined;
  const versions = !single ? keyspace.scan(start, end, Infinity, Infinity) : one === undefined ? [] : [one];
  const previous = request.prev_kv ? versions.map((version) => ({ version, value: core.valueOf(version) })) : [];
  for (const version of versions) writer.remove(version.key);
  return (header) => encodeMessage('DeleteRangeResponse', {
    header, deleted: versions.length, prev_kvs: previous.map(({ version, value }) => keyValueBytes(version, value)),
  });
}

