/**
 * etcd's Range: at a revision, with its filters, orders and limits. Reading happens in slices, at a revision that stays readable meanwhile;
 * in a transaction in one step, against what is newest.
 */
import { nextTurn } from '#base/turn';
import type { Version } from '../mvcc/version.ts';
import { compacted, emptyKey, futureRevision, invalidSortOption } from './errors.ts';
import type { FaceContext } from './face-context.ts';
import { EMPTY, keyRange, keyValueBytes } from './keys.ts';
import { encodeMessage } from './message-codec.ts';

export interface RangeRequest {
  readonly key: Buffer; readonly range_end: Buffer; readonly limit: number; readonly revision: number;
  readonly sort_order: number; readonly sort_target: number; readonly keys_only: boolean; readonly count_only: boolean;
  readonly min_mod_revision: number; readonly max_mod_revision: number; readonly min_create_revision: number; readonly max_create_revision: number;
}

const ASCEND = 1;
const DESCEND = 2;
const TARGET = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const;
/** Versions found in one step, and values read in one. */
const SCAN_SLICE = 20_000;
const LOAD_SLICE = 500;

/** What a range found; `value` is empty when it was not asked for. */
export interface Found { readonly kvs: { readonly version: Version; readonly value: Buffer }[]; readonly more: boolean; readonly count: number }

/** @throws GrpcError */
export function checkRange({ key, sort_order: order, sort_target: target }: RangeRequest): void {
  if (key.length === 0) throw emptyKey();
  if (order < 0 || order > DESCEND || target < 0 || target > TARGET.value) throw invalidSortOption();
}

/** The revision to read at. @throws GrpcError */
function readRevision({ store: { core: { keyspace } }, compactedRevision }: FaceContext, asked: number): number {
  if (asked <= 0) return keyspace.published;
  if (asked > keyspace.published) throw futureRevision();
  if (asked < Math.min(compactedRevision(), keyspace.published)) throw compacted();
  return keyspace.readRevision(asked);
}

/** Outside of transactions: of what is durable. */
export async function rangeResponse(face: FaceContext, request: RangeRequest, cancelled: () => boolean): Promise<Buffer> {
  checkRange(request);
  const { core } = face.store;
  const { keyspace } = core;
  core.assertOpen();
  const revision = readRevision(face, request.revision);
  const current = keyspace.published;
  const { start, end, single } = keyRange(request.key, request.range_end);
  if (single) {
    const version = keyspace.at(start, revision);
    return encodeFound(face.header(current), select(request, version === undefined ? [] : [version], version === undefined ? 0 : 1, core.valueOf.bind(core)));
  }
  const count = keyspace.count(start, end, revision);
  if (request.count_only) return encodeFound(face.header(current), { kvs: [], more: false, count });
  const header = face.header(current);
  const unpin = keyspace.pin(revision);
  try {
    const versions: Version[] = [];
    const limit = fetchLimit(request);
    for (let from = start; versions.length < limit;) {
      const want = Math.min(limit - versions.length, SCAN_SLICE);
      const some = keyspace.scan(from, end, revision, want);
      for (const version of some) versions.push(version);
      if (some.length < want) break;
      from = `${some[some.length - 1]!.key}\0`;
      if (versions.length < limit) await nextTurn();
    }
    const values = new Map<Version, Buffer>();
    if (versions.length > LOAD_SLICE && !request.keys_only) {
      for (const version of kept(request, versions)) {
        if (values.size % LOAD_SLICE === LOAD_SLICE - 1) { await nextTurn(); if (cancelled()) break; }
        values.set(version, core.valueOf(version));
      }
    }
    core.assertOpen();
    return encodeFound(header, select(request, versions, count, (version) => values.get(version) ?? (cancelled() ? EMPTY : core.valueOf(version))));
  } finally {
    unpin();
  }
}

/** In a transaction: staged writes, its own included, are seen. @throws GrpcError */
export function rangeNow(face: FaceContext, request: RangeRequest): Found {
  const { core } = face.store;
  const { keyspace } = core;
  const { start, end, single } = keyRange(request.key, request.range_end);
  const revision = request.revision <= 0 ? Infinity : readRevision(face, request.revision);
  if (single) {
    const version = revision === Infinity ? keyspace.newestOf(start) : keyspace.at(start, revision);
    return select(request, version === undefined ? [] : [version], version === undefined ? 0 : 1, core.valueOf.bind(core));
  }
  const versions = keyspace.scan(start, end, revision, Infinity);
  return select(request, versions, versions.length, core.valueOf.bind(core));
}

/** The revision of a transaction's range is looked at before anything is written. @throws GrpcError */
export function checkRangeRevision(face: FaceContext, request: RangeRequest): void { readRevision(face, request.revision); }

function inOrderOfKeys({ sort_order: order, sort_target: target }: RangeRequest): boolean { return target === TARGET.key && order !== DESCEND; }

function hasFilters(request: RangeRequest): boolean {
  return request.min_mod_revision !== 0 || request.max_mod_revision !== 0 || request.min_create_revision !== 0 || request.max_create_revision !== 0;
}

/** One more than asked for tells whether there is more; filters and orders need all (but not an order without a direction: so it is in etcd). */
function fetchLimit(request: RangeRequest): number {
  return request.limit <= 0 || hasFilters(request) || request.sort_order !== 0 ? Infinity : request.limit + 1;
}

function kept(request: RangeRequest, versions: readonly Version[]): readonly Version[] {
  const { min_mod_revision: minMod, max_mod_revision: maxMod, min_create_revision: minCreate, max_create_revision: maxCreate } = request;
  if (!hasFilters(request)) return versions;
  return versions.filter(({ modRevision, createRevision }) => (minMod === 0 || modRevision >= minMod) && (maxMod === 0 || modRevision <= maxMod)
    && (minCreate === 0 || createRevision >= minCreate) && (maxCreate === 0 || createRevision <= maxCreate));
}

function select(request: RangeRequest, versions: readonly Version[], count: number, valueOf: (version: Version) => Buffer): Found {
  if (request.count_only) return { kvs: [], more: false, count };
  const limit = fetchLimit(request);
  let chosen = kept(request, versions.length > limit ? versions.slice(0, limit) : versions);
  if (!inOrderOfKeys(request)) chosen = sorted(request, chosen, valueOf);
  const more = request.limit > 0 && chosen.length > request.limit;
  if (more) chosen = chosen.slice(0, request.limit);
  return { kvs: chosen.map((version) => ({ version, value: request.keys_only ? EMPTY : valueOf(version) })), more, count };
}

function sorted(request: RangeRequest, versions: readonly Version[], valueOf: (version: Version) => Buffer): readonly Version[] {
  const { sort_target: target, sort_order: order } = request;
  const direction = order === DESCEND ? -1 : ASCEND;
  const by = (a: Version, b: Version): number => {
    switch (target) {
      case TARGET.version: return a.writes - b.writes;
      case TARGET.create: return a.createRevision - b.createRevision;
      case TARGET.mod: return a.modRevision - b.modRevision;
      case TARGET.value: return Buffer.compare(valueOf(a), valueOf(b));
      default: return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    }
  };
  return [...versions].sort((a, b) => direction * by(a, b));
}

/** @param header encoded, or with the revision alone. */
export function encodeFound(header: Buffer, { kvs, more, count }: Found): Buffer {
  return encodeMessage('RangeResponse', { header, kvs: kvs.map(({ version, value }) => keyValueBytes(version, value)), more, count });
}
