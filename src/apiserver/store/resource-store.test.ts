import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import type { KubeObject } from '#machinery/meta';
import { StatusError } from '#machinery/status-error';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { selectAll, type Describer, type Selection } from './described.ts';
import { ResourceStore } from './resource-store.ts';
import { objectSplice, splicedBytes, storedTail } from './stored-object.ts';
import { StorageFeed } from './storage-feed.ts';
import { watchStream, type EventEncoder, type WatchRequest } from './watch-stream.ts';

const tail = storedTail('v1', 'ConfigMap');
const describer: Describer = { namespaced: true, fields: () => undefined, canonical: (bytes) => bytes };
const splice = objectSplice('v1', 'ConfigMap', tail);
const encoder: EventEncoder = {
  key: 'json',
  event: (type, object, revision) => splicedBytes(object.bytes, revision, splice, `{"type":"${type}","object":`, '}\n'),
  bookmark: (revision, end) => Buffer.from(`{"type":"BOOKMARK","revision":"${revision}","end":${end}}\n`),
  error: (error) => Buffer.from(`{"type":"ERROR","code":${error.code}}\n`),
};

async function setUp() {
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  const store = new ResourceStore({ engine, feed, prefix: '/registry/configmaps/', tail, describer, now: () => clock.now() });
  await feed.start();
  await feed.attach(store.cache);
  const put = async (name: string, labels?: Record<string, string>): Promise<number> => {
    const [namespace, short] = name.split('/') as [string, string];
    const object: KubeObject = { metadata: { name: short, namespace, ...(labels === undefined ? {} : { labels }) } };
    return (await store.update(store.keyOf(namespace, short), () => ({ kind: 'put', object })))!.revision;
  };
  const remove = async (name: string): Promise<void> => { await store.update(`/registry/configmaps/${name}`, () => ({ kind: 'delete' })); };
  const close = async (): Promise<void> => { await feed.close(); await engine.close(); };
  return { clock, engine, feed, store, put, remove, close };
}

function byLabel(key: string, value: string): Selection {
  return { ...selectAll(), everything: false, labelPairs: [[key, value]], matches: (object) => object.labels?.[key] === value };
}

const names = (items: readonly { key: string }[]): string[] => items.map((item) => item.key);

test('a list sees every write acknowledged before it', async () => {
  const { store, put, close } = await setUp();
  await put('a/x');
  await put('a/y');
  await put('ab/z');
  const all = await store.list({ selection: selectAll(), limit: 0, continueToken: '', revision: undefined });
  assert.deepEqual(names(all.items), ['a/x', 'a/y', 'ab/z']);
  const one = await store.list({ selection: selectAll('a'), limit: 0, continueToken: '', revision: undefined });
  assert.deepEqual(names(one.items), ['a/x', 'a/y'], 'S21: namespace a never returns ab');
  await close();
});

test('pages come from one revision', async () => {
  const { store, put, remove, close } = await setUp();
  for (const name of ['1', '2', '3', '4', '5']) await put(`n/${name}`);
  const first = await store.list({ selection: selectAll('n'), limit: 2, continueToken: '', revision: undefined });
  assert.deepEqual([names(first.items), first.remaining], [['n/1', 'n/2'], 3]);
  await remove('n/3');
  await put('n/9');
  const second = await store.list({ selection: selectAll('n'), limit: 2, continueToken: first.continueToken, revision: undefined });
  assert.deepEqual([names(second.items), second.remaining, second.revision], [['n/3', 'n/4'], 1, first.revision]);
  const last = await store.list({ selection: selectAll('n'), limit: 2, continueToken: second.continueToken, revision: undefined });
  assert.deepEqual([names(last.items), last.continueToken], [['n/5'], '']);
  await close();
});

test('B45: an expired token answers 410 with one that goes on inconsistently', async () => {
  const { clock, engine, feed, store, put, close } = await setUp();
  for (const name of ['1', '2', '3']) await put(`n/${name}`);
  const first = await store.list({ selection: selectAll('n'), limit: 1, continueToken: '', revision: undefined });
  const newest = await put('n/4');
  await engine.compact(newest);
  // Another server, which did not give the first page, has only the store's history.
  const other = new ResourceStore({ engine, feed, prefix: store.prefix, tail, describer, now: () => clock.now() });
  await feed.attach(other.cache);
  const error = await other.list({ selection: selectAll('n'), limit: 1, continueToken: first.continueToken, revision: undefined }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof StatusError && error.code === 410);
  const rest = await other.list({ selection: selectAll('n'), limit: 9, continueToken: error.status.metadata!.continue!, revision: undefined });
  assert.deepEqual(names(rest.items), ['n/2', 'n/3', 'n/4']);
  await close();
});

test('B44: a future revision answers 504 after three seconds', async () => {
  const { clock, store, close } = await setUp();
  const answer = store.list({ selection: selectAll(), limit: 0, continueToken: '', revision: { atLeast: 999 } }).catch((thrown: unknown) => thrown);
  await clock.advance(3_001);
  const error = await answer;
  assert.ok(error instanceof StatusError && error.code === 504);
  await close();
});

async function watchLines(store: ResourceStore, clock: VirtualClock, request: Partial<WatchRequest>, during: () => Promise<unknown>): Promise<string[]> {
  const stop = new AbortController();
  const lines: string[] = [];
  const full: WatchRequest = { selection: selectAll(), from: { kind: 'recent' }, bookmarks: false, markInitialEnd: false, timeoutMs: 1e6, signal: stop.signal, ...request };
  const reading = (async () => {
    for await (const chunk of watchStream(store, full, encoder, clock)) {
      for (const line of chunk.toString().trim().split('\n')) {
        const event = JSON.parse(line) as { type: string; object?: { metadata: { name: string; resourceVersion: string } }; end?: boolean; code?: number };
        lines.push(`${event.type} ${event.object?.metadata.name ?? event.code ?? (event.end ? 'end' : '')}`.trim());
      }
    }
  })();
  await clock.advance(1);
  await during();
  await clock.advance(1);
  stop.abort();
  await reading;
  return lines;
}

test('a watch with a selector sees objects come into and leave it', async () => {
  const { clock, store, put, remove, close } = await setUp();
  await put('n/a', { in: 'yes' });
  const lines = await watchLines(store, clock, { selection: byLabel('in', 'yes'), from: { kind: 'initial', atLeast: undefined }, markInitialEnd: true }, async () => {
    await put('n/b', { in: 'no' });
    await put('n/b', { in: 'yes' });
    await put('n/b', { in: 'yes', more: 'x' });
    await put('n/b', { in: 'no' });
    await remove('n/b');
    await remove('n/a');
  });
  assert.deepEqual(lines, ['ADDED a', 'BOOKMARK end', 'ADDED b', 'MODIFIED b', 'DELETED b', 'DELETED a']);
  await close();
});

test('a watch resumes from a revision, across a reload of the cache too', async () => {
  const { clock, engine, store, put, close } = await setUp();
  const start = await put('n/a');
  await put('n/b');
  await put('n/c');
  assert.deepEqual(await watchLines(store, clock, { from: { kind: 'after', revision: start } }, () => put('n/d')), ['ADDED b', 'ADDED c', 'ADDED d']);
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  const second = new ResourceStore({ engine, feed, prefix: store.prefix, tail, describer, now: () => clock.now() });
  await feed.start();
  await feed.attach(second.cache);
  assert.deepEqual(await watchLines(second, clock, { from: { kind: 'after', revision: start } }, () => put('n/e')), ['ADDED b', 'ADDED c', 'ADDED d', 'ADDED e']);
  await feed.close();
  await close();
});

test('B44: a watch from a compacted revision gets an ERROR event 410', async () => {
  const { clock, engine, store, put, feed, close } = await setUp();
  await put('n/a');
  const newest = await put('n/b');
  await engine.compact(newest);
  const second = new ResourceStore({ engine, feed, prefix: store.prefix, tail, describer, now: () => clock.now() });
  await feed.attach(second.cache);
  assert.deepEqual(await watchLines(second, clock, { from: { kind: 'after', revision: 1 } }, async () => {}), ['ERROR 410']);
  await close();
});

test('bookmarks come every minute', async () => {
  const { clock, store, close } = await setUp();
  const lines = await watchLines(store, clock, { bookmarks: true }, () => clock.advance(125_000));
  assert.deepEqual(lines, ['BOOKMARK', 'BOOKMARK']);
  await close();
});

test('an update that changes nothing writes nothing', async () => {
  const { put, close } = await setUp();
  const first = await put('n/a', { k: 'v' });
  assert.equal(await put('n/a', { k: 'v' }), first);
  await close();
});
