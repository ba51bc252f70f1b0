/**
 * etcd's Txn: all comparisons, those of transactions within it too, are made on the state before it; then one branch is run in order, and
 * what it writes is one revision. Checked whole before anything happens.
 */
import type { TransactionWriter } from '../mvcc/mvcc-store.ts';
import type { Version } from '../mvcc/version.ts';
import { duplicateKey, emptyKey, keyNotFound, tooManyOps } from './errors.ts';
import type { FaceContext } from './face-context.ts';
import { EMPTY, keyOf, keyRange, type KeyRange } from './keys.ts';
import { encodeMessage } from './message-codec.ts';
import { checkRange, checkRangeRevision, encodeFound, rangeNow, type RangeRequest } from './range.ts';
import { checkDelete, checkPut, checkPutInTxn, deleteRange, put, type Answer, type DeleteRangeRequest, type PutRequest } from './write.ts';

export interface Compare {
  readonly result: number; readonly target: number; readonly key: Buffer; readonly range_end: Buffer;
  readonly version: number; readonly create_revision: number; readonly mod_revision: number; readonly value: Buffer; readonly lease: number;
}
export interface RequestOp {
  readonly request_range?: RangeRequest; readonly request_put?: PutRequest; readonly request_delete_range?: DeleteRangeRequest; readonly request_txn?: TxnRequest;
}
export interface TxnRequest { readonly compare: readonly Compare[]; readonly success: readonly RequestOp[]; readonly failure: readonly RequestOp[] }

/** As etcd's --max-txn-ops. */
const OPS_MAX = 128;
const RESULT = { equal: 0, greater: 1, less: 2 } as const;
const TARGET = { version: 0, create: 1, mod: 2, value: 3 } as const;

/** What needs no look at the store; in etcd's order, so that of several faults the same one is told. @throws GrpcError */
export function checkTxn(request: TxnRequest): void {
  checkOps(request, OPS_MAX);
  checkOverlaps(request.success);
  checkOverlaps(request.failure);
}

function checkOps({ compare, success, failure }: TxnRequest, opsMax: number): void {
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > opsMax) throw tooManyOps();
  for (const { key } of compare) if (key.length === 0) throw emptyKey();
  for (const op of [...success, ...failure]) checkOp(op, opsMax - ops);
}

function checkOp(op: RequestOp, opsMax: number): void {
  if (op.request_range !== undefined) checkRange(op.request_range);
  else if (op.request_put !== undefined) checkPut(op.request_put);
  else if (op.request_delete_range !== undefined) checkDelete(op.request_delete_range);
  else if (op.request_txn !== undefined) checkOps(op.request_txn, opsMax);
  else throw keyNotFound();
}

interface Touched { readonly puts: Set<string>; readonly deletes: KeyRange[] }

/**
 * No key is written twice, as far as etcd sees to it: either branch of a transaction within counts, the two do not count against
 * each other, and deletions do not count against puts of transactions before them.
 */
function checkOverlaps(branch: readonly RequestOp[]): Touched {
  const touched: Touched = { puts: new Set(), deletes: [] };
  for (const op of branch) if (op.request_delete_range !== undefined) touched.deletes.push(interval(op.request_delete_range));
  for (const { request_txn: inner } of branch) {
    if (inner === undefined) continue;
    const then = checkOverlaps(inner.success);
    const otherwise = checkOverlaps(inner.failure);
    for (const key of new Set([...then.puts, ...otherwise.puts])) addPut(touched, key);
    touched.deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const op of branch) if (op.request_put !== undefined) addPut(touched, keyOf(op.request_put.key));
  return touched;
}

function addPut({ puts, deletes }: Touched, key: string): void {
  if (puts.has(key) || deletes.some((range) => covers(range, key))) throw duplicateKey();
  puts.add(key);
}

/** Unlike elsewhere, an end of one zero byte is just that: etcd lets a put stand beside a deletion of all keys from it on. */
function interval({ key, range_end: end }: DeleteRangeRequest): KeyRange {
  const range = keyRange(key, end);
  return range.single ? range : { ...range, end: keyOf(end) };
}

function covers({ start, end }: KeyRange, key: string): boolean { return key >= start && key < end; }

/** Which branches are taken, of the transaction and those within, in the order they are met. */
interface Path { readonly succeeded: boolean; readonly branch: readonly RequestOp[]; readonly inner: readonly (Path | undefined)[] }

function pathOf(face: FaceContext, request: TxnRequest): Path {
  const succeeded = request.compare.every((compare) => holds(face, compare));
  const branch = succeeded ? request.success : request.failure;
  return { succeeded, branch, inner: branch.map((op) => (op.request_txn === undefined ? undefined : pathOf(face, op.request_txn))) };
}

function holds({ store: { core } }: FaceContext, compare: Compare): boolean {
  const { start, end, single } = keyRange(compare.key, compare.range_end);
  const one = single ? core.keyspace.newestOf(start) : undefined;
  const versions = !single ? core.keyspace.scan(start, end, Infinity, Infinity) : one === undefined ? [] : [one];
  // Nothing has no value, not even an empty one; its numbers are 0.
  if (versions.length === 0) return compare.target !== TARGET.value && agrees(compare, undefined, EMPTY);
  return versions.every((version) => agrees(compare, version, compare.target === TARGET.value ? core.valueOf(version) : EMPTY));
}

function agrees(compare: Compare, version: Version | undefined, value: Buffer): boolean {
  const order = orderOf(compare, version, value);
  switch (compare.result) {
    case RESULT.equal: return order === 0;
    case RESULT.greater: return order > 0;
    case RESULT.less: return order < 0;
    default: return order !== 0;
  }
}

function orderOf(compare: Compare, version: Version | undefined, value: Buffer): number {
  switch (compare.target) {
    case TARGET.version: return (version?.writes ?? 0) - compare.version;
    case TARGET.create: return (version?.createRevision ?? 0) - compare.create_revision;
    case TARGET.mod: return (version?.modRevision ?? 0) - compare.mod_revision;
    case TARGET.value: return Buffer.compare(value, compare.value);
    default: return (version?.leaseId ?? 0) - compare.lease;
  }
}

/** In one synchronous step. @throws GrpcError, and what the writer throws */
export function txn(face: FaceContext, writer: TransactionWriter, request: TxnRequest): Answer {
  const path = pathOf(face, request);
  checkPath(path, (op) => { if (op.request_put !== undefined) checkPutInTxn(face, op.request_put); });
  checkPath(path, (op) => { if (op.request_range !== undefined) checkRangeRevision(face, op.request_range); });
  return run(face, writer, path);
}

/** In the order of the operations, all the way down, on the state before the transaction. */
function checkPath({ branch, inner }: Path, check: (op: RequestOp) => void): void {
  for (const [i, op] of branch.entries()) {
    check(op);
    if (inner[i] !== undefined) checkPath(inner[i], check);
  }
}

function run(face: FaceContext, writer: TransactionWriter, { succeeded, branch, inner }: Path): Answer {
  const answers = branch.map((op, i): readonly [string, Answer] => {
    if (op.request_range !== undefined) {
      const found = rangeNow(face, op.request_range);
      return ['response_range', (header) => encodeFound(header, found)];
    }
    if (op.request_put !== undefined) return ['response_put', put(face, writer, op.request_put)];
    if (op.request_delete_range !== undefined) return ['response_delete_range', deleteRange(face, writer, op.request_delete_range)];
    return ['response_txn', run(face, writer, inner[i]!)];
  });
  return (header) => encodeMessage('TxnResponse', {
    header, succeeded, responses: answers.map(([name, answer]) => ({ [name]: answer(header) })),
  });
}
