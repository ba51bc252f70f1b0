/** What all services of the face share: the store, and the header that stands in every answer. */
import type { MvccStore } from '../mvcc/mvcc-store.ts';
import { encodeMessage, Writer } from './message-codec.ts';

export interface FaceContext {
  readonly store: MvccStore;
  readonly clusterId: number;
  readonly memberId: number;
  readonly name: string;
  readonly clientUrls: () => readonly string[];
  /** An encoded ResponseHeader. */
  header(revision: number): Buffer;
  /** As of now. */
  headerNow(): Buffer;
  /** The revision from which on history can be read and watched, as etcd counts it; 0: all of it. */
  compactedRevision(): number;
}

/** etcd's count of elections: there has been one. */
export const RAFT_TERM = 2;

export function faceContext({ store, clusterId, memberId, name, clientUrls }: Pick<FaceContext, 'store' | 'clusterId' | 'memberId' | 'name' | 'clientUrls'>): FaceContext {
  const constant = Buffer.from(encodeMessage('ResponseHeader', { cluster_id: clusterId, member_id: memberId, raft_term: RAFT_TERM }));
  const { keyspace } = store.core;
  let last = { revision: -1, header: constant };
  const header = (revision: number): Buffer => {
    if (last.revision === revision) return last.header;
    const field = new Writer();
    field.number(3, revision);
    last = { revision, header: Buffer.concat([constant, field.bytes()]) };
    return last.header;
  };
  return {
    store, clusterId, memberId, name, clientUrls, header,
    headerNow: () => header(keyspace.published),
    // The store keeps reads from its line on and watches after it; etcd both from it on. So a line of etcd's is kept one before.
    compactedRevision: () => (keyspace.compacted === 0 ? 0 : keyspace.compacted + 1),
  };
}
