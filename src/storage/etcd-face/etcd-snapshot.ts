/**
 * A snapshot as etcd's own: the newest version of every key and the leases, in a file that `etcdctl snapshot restore` makes a member of.
 * History before it counts as compacted. Keys and revisions are those of one moment, however long the reading takes.
 */
import { createHash } from 'node:crypto';
import { nextTurn } from '#base/turn';
import type { Version } from '../mvcc/version.ts';
import { boltFile, type BoltEntry } from './bolt-file.ts';
import type { FaceContext } from './face-context.ts';
import { EMPTY, keyValueBytes } from './keys.ts';
import { Writer } from './message-codec.ts';
import { versionsByRevision } from './whole-store.ts';

const PIECE_BYTES = 1 << 20;
/** Pages, of some 4 KB, between two turns. */
const PAGES_PER_TURN = 128;

/** The bytes of the file, and behind them their SHA-256. */
export async function* etcdSnapshot({ store: { core } }: FaceContext, cancelled: () => boolean): AsyncGenerator<Buffer, void, undefined> {
  const { keyspace, leases } = core;
  core.assertOpen();
  const revision = keyspace.published;
  const unpin = keyspace.pin(revision);
  try {
    const keys: BoltEntry[] = [];
    for await (const versions of versionsByRevision(keyspace, revision)) addKeys(keys, versions, (version) => core.valueOf(version));
    const buckets = [
      { name: 'key', entries: keys },
      { name: 'lease', entries: leases.all().sort((a, b) => a.id - b.id).map(({ id, ttlMs }) => known(leaseKey(id), leaseValue(id, ttlMs / 1000))) },
      { name: 'meta', entries: ['finishedCompactRev', 'scheduledCompactRev'].map((name) => known(Buffer.from(name), revisionKey(revision, 0))) },
      ...['alarm', 'auth', 'authRoles', 'authUsers', 'cluster', 'members', 'members_removed'].map((name) => ({ name, entries: [] })),
    ];
    const hash = createHash('sha256');
    let pieces: Buffer[] = [];
    let bytes = 0;
    let pages = 0;
    for (const page of boltFile(buckets)) {
      hash.update(page);
      pieces.push(page);
      bytes += page.length;
      if (++pages % PAGES_PER_TURN === 0) await nextTurn();
      if (cancelled()) return;
      if (bytes < PIECE_BYTES) continue;
      yield Buffer.concat(pieces);
      pieces = [];
      bytes = 0;
    }
    yield Buffer.concat([...pieces, hash.digest()]);
  } finally {
    unpin();
  }
}

/** Keys of one transaction are told apart by their place in it. */
function addKeys(entries: BoltEntry[], versions: readonly Version[], valueOf: (version: Version) => Buffer): void {
  for (const version of versions) {
    const last = entries[entries.length - 1]?.key;
    const sub = last !== undefined && Number(last.readBigUInt64BE(0)) === version.modRevision ? Number(last.readBigUInt64BE(9)) + 1 : 0;
    entries.push({ key: revisionKey(version.modRevision, sub), valueBytes: keyValueSize(version), value: () => keyValueBytes(version, valueOf(version)) });
  }
}

function keyValueSize(version: Version): number {
  const without = keyValueBytes(version, EMPTY).length;
  if (version.size === 0) return without;
  let lengthBytes = 1;
  for (let rest = version.size; rest >= 128; rest = Math.floor(rest / 128)) lengthBytes++;
  return without + 1 + lengthBytes + version.size;
}

function known(key: Buffer, value: Buffer): BoltEntry { return { key, valueBytes: value.length, value: () => value }; }

function revisionKey(main: number, sub: number): Buffer {
  const key = Buffer.alloc(17);
  key.writeBigUInt64BE(BigInt(main), 0);
  key[8] = 0x5f;
  key.writeBigUInt64BE(BigInt(sub), 9);
  return key;
}

function leaseKey(id: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigInt64BE(BigInt(id));
  return key;
}

function leaseValue(id: number, ttlSeconds: number): Buffer {
  const lease = new Writer();
  lease.number(1, id);
  lease.number(2, Math.ceil(ttlSeconds));
  return lease.bytes();
}
