/** The KV service: reads of what is durable, and writes each as one transaction of the store. */
import type { GrpcCall } from '#wire/grpc/server';
import { FutureRevisionError } from '../contract.ts';
import { compacted, futureRevision } from './errors.ts';
import type { FaceContext } from './face-context.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';
import { rangeResponse, type RangeRequest } from './range.ts';
import { checkTxn, txn, type TxnRequest } from './txn.ts';
import { checkDelete, checkPut, deleteRange, put, type Answer, type DeleteRangeRequest, type PutRequest } from './write.ts';
import { requestTooLarge } from './errors.ts';

/** etcd's --max-request-bytes: of one write. */
export const REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;

type Unary = (request: Buffer, call: GrpcCall) => Promise<Buffer>;

export function kvService(face: FaceContext): Readonly<Record<string, Unary>> {
  const { store } = face;

  async function write(bytes: Buffer, plan: Parameters<typeof store.transact<Answer>>[0]): Promise<Buffer> {
    if (bytes.length > REQUEST_BYTES_MAX) throw requestTooLarge();
    const { result, revision } = await store.transact(plan);
    return result(face.header(revision));
  }

  return {
    Range: (bytes, call) => rangeResponse(face, decodeMessage<RangeRequest>('RangeRequest', bytes), call.cancelled),
    async Put(bytes) {
      const request = decodeMessage<PutRequest>('PutRequest', bytes);
      checkPut(request);
      return await write(bytes, (writer) => put(face, writer, request));
    },
    async DeleteRange(bytes) {
      const request = decodeMessage<DeleteRangeRequest>('DeleteRangeRequest', bytes);
      checkDelete(request);
      return await write(bytes, (writer) => deleteRange(face, writer, request));
    },
    async Txn(bytes) {
      const request = decodeMessage<TxnRequest>('TxnRequest', bytes);
      checkTxn(request);
      return await write(bytes, (writer) => txn(face, writer, request));
    },
    async Compact(bytes) {
      const { revision } = decodeMessage<{ revision: number }>('CompactionRequest', bytes);
      const { keyspace } = store.core;
      if (revision > keyspace.published) throw futureRevision();
      if (revision <= face.compactedRevision()) throw compacted();
      try {
        await store.compact(revision - 1);
      } catch (error) {
        if (error instanceof FutureRevisionError) throw futureRevision();
        throw error;
      }
      return encodeMessage('CompactionResponse', { header: face.headerNow() });
    },
  };
}
