/**
 * A resource store with its watch cache on an engine, as an API server has it, in the terms of the checkers: keys with values.
 *
 * Objects carry their value in `data.value` and a label `parity` derived from it, so that selectors let objects come and go.
 */
import type { Clock } from '#base/clock';
import { silentLogger } from '#base/log';
import { StatusError } from '#machinery/status-error';
import type { KubeObject } from '#machinery/meta';
import { selectAll, type DescribedObject, type Describer, type Selection } from '#apiserver/store/described';
import { ResourceStore } from '#apiserver/store/resource-store';
import { objectSplice, splicedBytes, storedTail } from '#apiserver/store/stored-object';
import { StorageFeed } from '#apiserver/store/storage-feed';
import type { EventEncoder } from '#apiserver/store/watch-stream';
import type { StorageEngine } from '#storage/contract';
import type { Version, WriteOutcome } from '../checkers/history.ts';
import type { Change } from '../checkers/store-log.ts';
import type { Subject } from '../checkers/workload.ts';

export const PREFIX = '/registry/configmaps/';
const TAIL = storedTail('v1', 'ConfigMap');
const SPLICE = objectSplice('v1', 'ConfigMap', TAIL);

interface Stored extends KubeObject { data: { value: string } }

const describer: Describer = {
  namespaced: true, fields: () => undefined,
  canonical(bytes) {
    if (bytes[0] !== 0x7b) throw new Error('not an object');
    return bytes;
  },
};

export const ENCODER: EventEncoder = {
  key: 'json',
  event: (type, object, revision) => splicedBytes(object.bytes, revision, SPLICE, `{"type":"${type}","object":`, '}\n'),
  bookmark: (revision, end) => Buffer.from(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"${revision}"${end ? ',"annotations":{"k8s.io/initial-events-end":"true"}' : ''}}}}\n`),
  error: (error) => Buffer.from(`{"type":"ERROR","object":{"code":${error.code}}}\n`),
};

/** Of the number a value ends with: what the label says. */
export function parityOf(value: string): string { return /[02468]$/.test(value) ? 'even' : 'odd'; }

export function selectionOf(parity: 'even' | 'odd' | undefined, namespace = ''): Selection {
  if (parity === undefined) return selectAll(namespace);
  return { ...selectAll(namespace), everything: false, labelPairs: [['parity', parity]], matches: (object) => object.labels?.['parity'] === parity };
}

export interface ObjectStore {
  readonly store: ResourceStore;
  readonly feed: StorageFeed;
  close(): Promise<void>;
}

export async function openObjectStore(engine: StorageEngine, clock: Clock): Promise<ObjectStore> {
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  const store = new ResourceStore({ engine, feed, prefix: PREFIX, tail: TAIL, describer, now: () => clock.now(), lend: true });
  await feed.start();
  await feed.attach(store.cache);
  return { store, feed, close: () => feed.close() };
}

export function objectOf(key: string, value: string): KubeObject {
  const [namespace, name] = key.slice(PREFIX.length).split('/') as [string, string];
  return { metadata: { name, namespace, labels: { parity: parityOf(value) } }, data: { value } } as KubeObject;
}

export function valueOf(bytes: Buffer): string { return (JSON.parse(bytes.toString()) as Stored).data.value; }

const versionOf = (found: { bytes: Buffer; revision: number } | undefined): Version | undefined =>
  (found === undefined ? undefined : { value: valueOf(found.bytes), revision: found.revision });

class Refused extends Error {
  readonly current: Version | undefined;
  constructor(current: Version | undefined) {
    super('refused');
    this.current = current;
  }
}

/** The store as clients of an API server see it. */
export function storeSubject({ store }: ObjectStore): Subject {
  async function write(key: string, value: string | undefined, expected: number | undefined): Promise<WriteOutcome> {
    if (expected === 0 && value !== undefined) {
      const made = await store.create(key, objectOf(key, value));
      return made === undefined ? { kind: 'refused', current: null } : { kind: 'done', revision: made.revision, previous: undefined };
    }
    const done = await store.update(key, (_object, stored) => {
      if (expected !== undefined && (stored?.revision ?? 0) !== expected) throw new Refused(versionOf(stored));
      if (value !== undefined) return { kind: 'put', object: objectOf(key, value) };
      if (stored === undefined) throw new Refused(undefined);
      return { kind: 'delete' };
    });
    return { kind: 'done', revision: done!.revision, previous: null };
  }
  return {
    async write(key, value, expected) {
      try {
        return await write(key, value, expected);
      } catch (error) {
        if (error instanceof Refused) return { kind: 'refused', current: error.current };
        if (error instanceof StatusError && error.code === 504) return { kind: 'unknown' };
        if (error instanceof StatusError && (error.code === 503 || error.code === 507)) return { kind: 'failed' };
        throw error;
      }
    },
    get: async (key) => versionOf(await store.get(key)),
    async list(first, last) {
      const { items, revision } = await store.list({ selection: selectAll(), limit: 0, continueToken: '', revision: undefined });
      return { revision, items: itemsOf(items).filter(({ key }) => key >= first && key < last) };
    },
  };
}

export function itemsOf(items: readonly DescribedObject[]): { key: string; value: string; revision: number }[] {
  return items.map((item) => ({ key: PREFIX + item.key, value: valueOf(item.bytes), revision: item.revision }));
}

/** The log of truth with values in place of stored bytes. */
export function objectChanges(changes: readonly Change[]): Change[] {
  return changes.filter(({ key }) => key.startsWith(PREFIX)).map((change) => (change.value === undefined ? change : { ...change, value: valueOf(Buffer.from(change.value)) }));
}
