/** The client's side of `schema.ts`: turned into the JSON that proto-loader reads. */
import { loadPackageDefinition, type ServiceClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { MESSAGES, SERVICES } from './schema.ts';

interface FieldJson { type: string; id: number; rule?: 'repeated' }

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
