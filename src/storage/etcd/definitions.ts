/**
 * The part of etcd's v3 gRPC API that the engine and the face on the embedded engine speak: messages as `name:type=number`
 * lists, turned into the JSON that proto-loader reads. Field names are etcd's own.
 */
import { loadPackageDefinition, type ServiceClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

interface FieldJson { type: string; id: number; rule?: 'repeated' }

const MESSAGES: Readonly<Record<string, string>> = {
  ResponseHeader: 'cluster_id:uint64=1 member_id:uint64=2 revision:int64=3 raft_term:uint64=4',
  KeyValue: 'key:bytes=1 create_revision:int64=2 mod_revision:int64=3 version:int64=4 value:bytes=5 lease:int64=6',
  Event: 'type:int32=1 kv:KeyValue=2 prev_kv:KeyValue=3',
  RangeRequest: 'key:bytes=1 range_end:bytes=2 limit:int64=3 revision:int64=4 sort_order:int32=5 sort_target:int32=6 serializable:bool=7 '
    + 'keys_only:bool=8 count_only:bool=9 min_mod_revision:int64=10 max_mod_revision:int64=11 min_create_revision:int64=12 max_create_revision:int64=13',
  RangeResponse: 'header:ResponseHeader=1 kvs:KeyValue[]=2 more:bool=3 count:int64=4',
  PutRequest: 'key:bytes=1 value:bytes=2 lease:int64=3 prev_kv:bool=4 ignore_value:bool=5 ignore_lease:bool=6',
  PutResponse: 'header:ResponseHeader=1 prev_kv:KeyValue=2',
  DeleteRangeRequest: 'key:bytes=1 range_end:bytes=2 prev_kv:bool=3',
  DeleteRangeResponse: 'header:ResponseHeader=1 deleted:int64=2 prev_kvs:KeyValue[]=3',
  RequestOp: 'oneof request { request_range:RangeRequest=1 request_put:PutRequest=2 request_delete_range:DeleteRangeRequest=3 request_txn:TxnRequest=4 }',
  ResponseOp: 'oneof response { response_range:RangeResponse=1 response_put:PutResponse=2 response_delete_range:DeleteRangeResponse=3 response_txn:TxnResponse=4 }',
  Compare: 'result:int32=1 target:int32=2 key:bytes=3 oneof target_union { version:int64=4 create_revision:int64=5 mod_revision:int64=6 value:bytes=7 lease:int64=8 } range_end:bytes=64',
  TxnRequest: 'compare:Compare[]=1 success:RequestOp[]=2 failure:RequestOp[]=3',
  TxnResponse: 'header:ResponseHeader=1 succeeded:bool=2 responses:ResponseOp[]=3',
  CompactionRequest: 'revision:int64=1 physical:bool=2',
  CompactionResponse: 'header:ResponseHeader=1',
  WatchRequest: 'oneof request_union { create_request:WatchCreateRequest=1 cancel_request:WatchCancelRequest=2 progress_request:WatchProgressRequest=3 }',
  WatchCreateRequest: 'key:bytes=1 range_end:bytes=2 start_revision:int64=3 progress_notify:bool=4 filters:int32[]=5 prev_kv:bool=6 watch_id:int64=7 fragment:bool=8',
  WatchCancelRequest: 'watch_id:int64=1',
  WatchProgressRequest: '',
  WatchResponse: 'header:ResponseHeader=1 watch_id:int64=2 created:bool=3 canceled:bool=4 compact_revision:int64=5 cancel_reason:string=6 fragment:bool=7 events:Event[]=11',
  LeaseGrantRequest: 'TTL:int64=1 ID:int64=2',
  LeaseGrantResponse: 'header:ResponseHeader=1 ID:int64=2 TTL:int64=3 error:string=4',
  LeaseRevokeRequest: 'ID:int64=1',
  LeaseRevokeResponse: 'header:ResponseHeader=1',
  LeaseTimeToLiveRequest: 'ID:int64=1 keys:bool=2',
  LeaseTimeToLiveResponse: 'header:ResponseHeader=1 ID:int64=2 TTL:int64=3 grantedTTL:int64=4 keys:bytes[]=5',
  StatusRequest: '',
  StatusResponse: 'header:ResponseHeader=1 version:string=2 dbSize:int64=3 leader:uint64=4 raftIndex:uint64=5 raftTerm:uint64=6 raftAppliedIndex:uint64=7 errors:string[]=8 dbSizeInUse:int64=9 isLearner:bool=10',
  AuthenticateRequest: 'name:string=1 password:string=2',
  AuthenticateResponse: 'header:ResponseHeader=1 token:string=2',
};

/** `stream` before a message: that side streams. */
const SERVICES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  KV: {
    Range: 'RangeRequest RangeResponse', Put: 'PutRequest PutResponse', DeleteRange: 'DeleteRangeRequest DeleteRangeResponse',
    Txn: 'TxnRequest TxnResponse', Compact: 'CompactionRequest CompactionResponse',
  },
  Watch: { Watch: 'stream:WatchRequest stream:WatchResponse' },
  Lease: {
    LeaseGrant: 'LeaseGrantRequest LeaseGrantResponse', LeaseRevoke: 'LeaseRevokeRequest LeaseRevokeResponse',
    LeaseTimeToLive: 'LeaseTimeToLiveRequest LeaseTimeToLiveResponse',
  },
  Maintenance: { Status: 'StatusRequest StatusResponse' },
  Auth: { Authenticate: 'AuthenticateRequest AuthenticateResponse' },
};

export type EtcdServices = Readonly<Record<'KV' | 'Watch' | 'Lease' | 'Maintenance' | 'Auth', ServiceClientConstructor & { service: ServiceDefinition }>>;

let loaded: EtcdServices | undefined;

/** Constructors of the clients (and, under `.service`, the definitions for a server). */
export function etcdServices(): EtcdServices {
  if (loaded === undefined) {
    const nested = { ...mapValues(MESSAGES, messageJson), ...mapValues(SERVICES, serviceJson) };
    const definition = fromJSON({ nested: { etcdserverpb: { nested } } } as Parameters<typeof fromJSON>[0],
      { keepCase: true, longs: Number, defaults: true, oneofs: true });
    loaded = (loadPackageDefinition(definition) as unknown as { etcdserverpb: EtcdServices }).etcdserverpb;
  }
  return loaded;
}

function messageJson(text: string): object {
  const fields: Record<string, FieldJson> = {};
  const oneofs: Record<string, { oneof: string[] }> = {};
  let oneof: string[] | undefined;
  const words = text.split(/\s+/).filter((word) => word !== '');
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 'oneof') {
      oneof = [];
      oneofs[words[++i]!] = { oneof };
      i++;
    } else if (word === '}') {
      oneof = undefined;
    } else {
      const [, name, type, repeated, id] = /^(\w+):(\w+)(\[\])?=(\d+)$/.exec(word)!;
      fields[name!] = { type: type!, id: Number(id), ...(repeated === undefined ? {} : { rule: 'repeated' }) };
      oneof?.push(name!);
    }
  }
  return Object.keys(oneofs).length > 0 ? { fields, oneofs } : { fields };
}

function serviceJson(methods: Readonly<Record<string, string>>): object {
  return {
    methods: mapValues(methods, (text) => {
      const [request, response] = text.split(' ').map((side) => ({ type: side.replace('stream:', ''), stream: side.startsWith('stream:') }));
      return { requestType: request!.type, requestStream: request!.stream, responseType: response!.type, responseStream: response!.stream };
    }),
  };
}

function mapValues<T, R>(record: Readonly<Record<string, T>>, map: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
