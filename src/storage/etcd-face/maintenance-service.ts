/** The Maintenance service, as far as it has a meaning for a store of one member. */
import { nextTurn } from '#base/turn';
import type { GrpcStream } from '#wire/grpc/server';
import { crc32 } from '../checksum.ts';
import { badLeaderTransferee, compacted, futureRevision, unsupported } from './errors.ts';
import { etcdSnapshot } from './etcd-snapshot.ts';
import { RAFT_TERM, type FaceContext } from './face-context.ts';
import { EMPTY, keyValueBytes } from './keys.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';
import { versionSlices } from './whole-store.ts';

/** The etcd whose API is spoken: clients ask, to know what they may ask for. */
export const ETCD_VERSION = '3.5.21';

const ALARM = { get: 0, deactivate: 2, none: 0, noSpace: 1 } as const;
/** Records hashed between two turns. */
const HASH_SLICE = 1_000;

export function maintenanceService(face: FaceContext): Readonly<Record<string, (request: Buffer) => Promise<Buffer>>> {
  const { store, memberId } = face;
  const { keyspace } = store.core;

  /** Of all keys at a revision, with their revisions: equal for equal contents of two stores of this kind. */
  async function hashAt(revision: number): Promise<number> {
    const unpin = keyspace.pin(revision);
    try {
      let sum = 0;
      let count = 0;
      for await (const versions of versionSlices(keyspace, revision)) {
        for (const version of versions) {
          sum = crc32(keyValueBytes(version, EMPTY), sum);
          sum = crc32(store.core.valueOf(version), sum);
          if (++count % HASH_SLICE === 0) await nextTurn();
        }
      }
      return sum;
    } finally {
      unpin();
    }
  }

  return {
    async Status() {
      const { file, used } = await store.bytes();
      const revision = keyspace.published;
      return encodeMessage('StatusResponse', {
        header: face.header(revision), version: ETCD_VERSION, dbSize: file, dbSizeInUse: used, leader: memberId, raftIndex: revision, raftTerm: RAFT_TERM,
        raftAppliedIndex: revision, errors: store.noSpace() ? [`memberID:${memberId} alarm:NOSPACE `] : [],
      });
    },
    async Alarm(bytes) {
      const { action, alarm } = decodeMessage<{ action: number; alarm: number }>('AlarmRequest', bytes);
      // The alarm goes by itself when there is room again; asking for its end changes nothing, and tells what still stands.
      if (action !== ALARM.get && action !== ALARM.deactivate) throw unsupported('alarms are raised by the store itself');
      const stands = store.noSpace() && (alarm === ALARM.none || alarm === ALARM.noSpace);
      return encodeMessage('AlarmResponse', { header: face.headerNow(), alarms: stands ? [{ memberID: memberId, alarm: ALARM.noSpace }] : [] });
    },
    async Hash() {
      return encodeMessage('HashResponse', { header: face.headerNow(), hash: await hashAt(keyspace.published) });
    },
    async HashKV(bytes) {
      const { revision: asked } = decodeMessage<{ revision: number }>('HashKVRequest', bytes);
      if (asked > keyspace.published) throw futureRevision();
      const revision = asked > 0 ? asked : keyspace.published;
      if (revision < Math.min(face.compactedRevision(), keyspace.published)) throw compacted();
      return encodeMessage('HashKVResponse', {
        header: face.headerNow(), hash: await hashAt(keyspace.readRevision(revision)), compact_revision: face.compactedRevision(), hash_revision: revision,
      });
    },
    // Free pages of the file are used again by themselves: there is nothing to defragment while it is open.
    async Defragment() { return encodeMessage('HeaderResponse', { header: face.headerNow() }); },
    async MoveLeader() { throw badLeaderTransferee(); },
    async Downgrade() { throw unsupported('there is no cluster version to go down from'); },
  };
}

export async function streamSnapshot(face: FaceContext, stream: GrpcStream): Promise<void> {
  const header = face.headerNow();
  for await (const blob of etcdSnapshot(face, stream.cancelled)) {
    stream.send(encodeMessage('SnapshotResponse', { header, blob }));
    await stream.drained();
  }
}
