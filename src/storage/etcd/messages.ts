/** The shapes of etcd's messages as proto-loader gives them (numbers for int64, empty for absent), and their meaning in the contract's words. */
import type { KeyValue, WatchEvent } from '../contract.ts';

export interface EtcdKeyValue {
  readonly key: Buffer; readonly create_revision: number; readonly mod_revision: number; readonly version: number; readonly value: Buffer; readonly lease: number;
}
export interface EtcdHeader { readonly revision: number }
export interface RangeResponse { readonly header: EtcdHeader; readonly kvs: readonly EtcdKeyValue[]; readonly more: boolean; readonly count: number }
export interface TxnResponse {
  readonly header: EtcdHeader;
  readonly succeeded: boolean;
  readonly responses: readonly {
    readonly response_range?: RangeResponse;
    readonly response_put?: { readonly prev_kv: EtcdKeyValue | null };
    readonly response_delete_range?: { readonly deleted: number; readonly prev_kvs: readonly EtcdKeyValue[] };
  }[];
}
export interface EtcdEvent { readonly type: number; readonly kv: EtcdKeyValue; readonly prev_kv: EtcdKeyValue | null }
export interface WatchResponse {
  readonly header: EtcdHeader; readonly watch_id: number; readonly created: boolean; readonly canceled: boolean;
  readonly compact_revision: number; readonly cancel_reason: string; readonly events: readonly EtcdEvent[];
}
export interface StatusResponse { readonly header: EtcdHeader; readonly version: string; readonly dbSize: number; readonly leader: number; readonly raftTerm: number; readonly errors: readonly string[] }
export interface LeaseTimeToLiveResponse { readonly TTL: number }

const DELETE = 1;
const EMPTY = Buffer.alloc(0);

/** Keys of the contract have a character for each byte: those of the API server are ASCII, those of others come back as they were. */
export function keyBytes(key: string): Buffer { return Buffer.from(key, 'latin1'); }

export function toKeyValue(kv: EtcdKeyValue): KeyValue {
  const found = { key: kv.key.toString('latin1'), value: kv.value, modRevision: kv.mod_revision, createRevision: kv.create_revision };
  return kv.lease === 0 ? found : { ...found, leaseId: kv.lease };
}

export function toWatchEvent({ type, kv, prev_kv: previous }: EtcdEvent): WatchEvent {
  return {
    type: type === DELETE ? 'delete' : 'put', key: kv.key.toString('latin1'), value: type === DELETE ? EMPTY : kv.value,
    previous: previous === null ? undefined : toKeyValue(previous), revision: kv.mod_revision, created: type !== DELETE && kv.version === 1,
  };
}
