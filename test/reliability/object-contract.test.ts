/**
 * The contract of stored objects: what an API server promises of a resource, on every engine, with the watch cache on top. The
 * engines' own contract is `src/storage/testing/contract.ts`.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { StatusError } from '#machinery/status-error';
import { watchStream, type WatchRequest } from '#apiserver/store/watch-stream';
import type { ListRequest } from '#apiserver/store/resource-store';
import { ENGINES, type OpenedEngine } from './harness/engines.ts';
import { ENCODER, itemsOf, objectOf, openObjectStore, PREFIX, selectionOf, storeSubject, valueOf, type ObjectStore } from './harness/object-store.ts';

interface Bench {
  readonly server: ObjectStore;
  readonly opened: OpenedEngine;
  /** Of this case alone. */
  readonly namespace: string;
}

const keyOf = ({ namespace }: Bench, name: string): string => `${PREFIX}${namespace}/${name}`;

async function put(bench: Bench, name: string, value: string): Promise<number> {
  const outcome = await storeSubject(bench.server).write(keyOf(bench, name), value, undefined);
  assert.equal(outcome.kind, 'done');
  return outcome.kind === 'done' ? outcome.revision : 0;
}

async function remove(bench: Bench, name: string): Promise<number> {
  const outcome = await storeSubject(bench.server).write(keyOf(bench, name), undefined, undefined);
  assert.equal(outcome.kind, 'done');
  return outcome.kind === 'done' ? outcome.revision : 0;
}

async function list(bench: Bench, more: Partial<ListRequest> & { parity?: 'even' | 'odd' } = {}): Promise<{ names: string[]; revision: number; token: string; remaining: number | undefined }> {
  const { parity, ...rest } = more;
  const found = await bench.server.store.list({ selection: selectionOf(parity, bench.namespace), limit: 0, continueToken: '', revision: undefined, ...rest });
  return { names: itemsOf(found.items).map((item) => `${item.key.split('/').at(-1)}=${item.value}`), revision: found.revision, token: found.continueToken, remaining: found.remaining };
}

interface Line { type: string; object: { code?: number; metadata: { name: string; resourceVersion: string; annotations?: object }; data?: { value: string } } }

/** Reads `count` lines of a watch while `during` runs. */
async function watch(bench: Bench, from: WatchRequest['from'], count: number, during: () => Promise<unknown>, parity?: 'even' | 'odd', markInitialEnd = false): Promise<string[]> {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), 10_000);
  const lines: string[] = [];
  const reading = (async () => {
    const request: WatchRequest = { selection: selectionOf(parity, bench.namespace), from, bookmarks: true, markInitialEnd, timeoutMs: 60_000, signal: stop.signal };
    for await (const chunk of watchStream(bench.server.store, request, ENCODER, systemClock)) {
      for (const text of chunk.toString().trimEnd().split('\n')) {
        const { type, object } = JSON.parse(text) as Line;
        lines.push(type === 'ERROR' ? `ERROR ${object.code}` : type === 'BOOKMARK' ? `BOOKMARK${object.metadata.annotations === undefined ? '' : ' end'}` : `${type} ${object.metadata.name}=${object.data!.value}@${object.metadata.resourceVersion}`);
      }
      if (lines.length >= count) stop.abort();
    }
  })();
  // The watch has begun when the feed has had its turn.
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  await during();
  await reading;
  clearTimeout(late);
  return lines;
}

const refusal = (code: number) => (error: unknown): boolean => error instanceof StatusError && error.code === code;
/** Something else happens, so that the log and the feed go on. */
const elsewhere = (bench: Bench): Promise<number> => put({ ...bench, namespace: 'elsewhere' }, 'x', `${Math.floor(performance.now() * 1000)}`);

const CASES: Record<string, (bench: Bench) => Promise<void>> = {
  'create: what is answered is what is read; a taken name is refused': async (bench) => {
    const { store } = bench.server;
    const made = await store.create(keyOf(bench, 'a'), objectOf(keyOf(bench, 'a'), '1'));
    const read = await store.get(keyOf(bench, 'a'));
    assert.deepEqual([read?.revision, valueOf(read!.bytes)], [made?.revision, '1']);
    assert.equal(await store.create(keyOf(bench, 'a'), objectOf(keyOf(bench, 'a'), '2')), undefined);
    assert.deepEqual((await list(bench)).names, ['a=1']);
  },
  'get: newest, not older than, from the future': async (bench) => {
    const { store } = bench.server;
    const revision = await put(bench, 'a', '1');
    assert.equal((await store.getNotOlder(keyOf(bench, 'a'), 0))?.revision, revision, 'what this server wrote is seen at once');
    assert.equal((await store.getNotOlder(keyOf(bench, 'a'), revision))?.revision, revision);
    await assert.rejects(store.getNotOlder(keyOf(bench, 'a'), revision + 1_000_000), refusal(504));
    await remove(bench, 'a');
    assert.equal(await store.get(keyOf(bench, 'a')), undefined);
    assert.equal(await store.getNotOlder(keyOf(bench, 'a'), 0), undefined);
  },
  'guaranteed update: no increment of many writers is lost': async (bench) => {
    await put(bench, 'counter', '0');
    await Promise.all(Array.from({ length: 20 }, () => bench.server.store.update(keyOf(bench, 'counter'), (_object, stored) =>
      ({ kind: 'put', object: objectOf(keyOf(bench, 'counter'), `${Number(valueOf(stored!.bytes)) + 1}`) }))));
    assert.deepEqual((await list(bench)).names, ['counter=20']);
  },
  'guaranteed update: what changes nothing writes nothing; what throws changes nothing': async (bench) => {
    const revision = await put(bench, 'a', '1');
    assert.equal(await put(bench, 'a', '1'), revision);
    await assert.rejects(bench.server.store.update(keyOf(bench, 'a'), () => { throw new Error('no'); }), /no/);
    assert.equal((await bench.server.store.get(keyOf(bench, 'a')))?.revision, revision);
  },
  'delete: only at the expected revision; of nothing is refused': async (bench) => {
    const subject = storeSubject(bench.server);
    const first = await put(bench, 'a', '1');
    const second = await put(bench, 'a', '2');
    assert.equal((await subject.write(keyOf(bench, 'a'), undefined, first)).kind, 'refused');
    const gone = await subject.write(keyOf(bench, 'a'), undefined, second);
    assert.ok(gone.kind === 'done' && gone.revision > second);
    assert.equal((await subject.write(keyOf(bench, 'a'), undefined, undefined)).kind, 'refused');
    const again = await put(bench, 'a', '3');
    assert.equal((await subject.write(keyOf(bench, 'a'), undefined, second)).kind, 'refused', 'not another object of that name');
    assert.equal((await bench.server.store.get(keyOf(bench, 'a')))?.revision, again);
  },
  'list: sorted, of its namespace only, by selector, empty': async (bench) => {
    assert.deepEqual((await list(bench)).names, []);
    assert.ok((await list(bench)).revision > 0);
    for (const [name, value] of [['b', '1'], ['a', '2'], ['a-b', '3'], ['c', '4']] as const) await put(bench, name, value);
    await put({ ...bench, namespace: `${bench.namespace}x` }, 'a', '9');
    assert.deepEqual((await list(bench)).names, ['a=2', 'a-b=3', 'b=1', 'c=4']);
    assert.deepEqual((await list(bench, { parity: 'even' })).names, ['a=2', 'c=4']);
  },
  'list: as of an exact revision, not older than one, from the future': async (bench) => {
    const first = await put(bench, 'a', '1');
    await put(bench, 'b', '2');
    const third = await remove(bench, 'a');
    assert.deepEqual((await list(bench, { revision: { exactly: first } })).names, ['a=1']);
    assert.equal((await list(bench, { revision: { exactly: first } })).revision, first);
    assert.deepEqual((await list(bench, { revision: { atLeast: first } })).names, ['b=2']);
    assert.ok((await list(bench, { revision: { atLeast: third } })).revision >= third);
    await assert.rejects(list(bench, { revision: { exactly: third + 1_000_000 } }), refusal(504));
  },
  'paging: one revision for all pages, what remains, and a selector': async (bench) => {
    for (let i = 0; i < 7; i++) await put(bench, `${i}`, `${i}`);
    const first = await list(bench, { limit: 3 });
    assert.deepEqual([first.names, first.remaining], [['0=0', '1=1', '2=2'], 4]);
    await remove(bench, '3');
    await put(bench, '4', 'changed-4');
    await put(bench, '45', 'new-5');
    const second = await list(bench, { limit: 3, continueToken: first.token });
    assert.deepEqual([second.names, second.remaining, second.revision], [['3=3', '4=4', '5=5'], 1, first.revision]);
    const third = await list(bench, { limit: 3, continueToken: second.token });
    assert.deepEqual([third.names, third.token, third.revision], [['6=6'], '', first.revision]);
    const even = await list(bench, { limit: 2, parity: 'even' });
    const rest = await list(bench, { limit: 9, parity: 'even', continueToken: even.token });
    assert.deepEqual([...even.names, ...rest.names], ['0=0', '2=2', '4=changed-4', '6=6']);
    assert.equal(even.remaining, undefined, 'not known with a selector');
  },
  'compaction: a watch and an exact list from before are refused (410), a new list goes on': async (bench) => {
    const start = await put(bench, 'a', '1');
    for (let i = 0; i < 5; i++) await put(bench, 'a', `${i}`);
    await bench.opened.engine.compact(await elsewhere(bench));
    await assert.rejects(list(bench, { revision: { exactly: start } }), refusal(410));
    const fresh = await openObjectStore(bench.opened.engine, systemClock);
    const refused = await watch({ ...bench, server: fresh }, { kind: 'after', revision: start }, 1, async () => undefined).finally(() => fresh.close());
    assert.deepEqual(refused, ['ERROR 410']);
    assert.deepEqual((await list(bench)).names, ['a=4']);
  },
  'watch from now': async (bench) => {
    await put(bench, 'old', '0');
    let revisions: number[] = [];
    const lines = await watch(bench, { kind: 'recent' }, 3, async () => { revisions = [await put(bench, 'a', '1'), await put(bench, 'a', '2'), await remove(bench, 'a')]; });
    assert.deepEqual(lines, [`ADDED a=1@${revisions[0]}`, `MODIFIED a=2@${revisions[1]}`, `DELETED a=2@${revisions[2]}`]);
  },
  'watch from a revision: history, then what comes; on another server too': async (bench) => {
    const start = await put(bench, 'a', '1');
    const second = await put(bench, 'a', '2');
    const third = await put(bench, 'b', '3');
    const fresh = await openObjectStore(bench.opened.engine, systemClock);
    try {
      for (const [name, server] of [['c', bench.server], ['d', fresh]] as const) {
        let last = 0;
        const lines = await watch({ ...bench, server }, { kind: 'after', revision: start }, name === 'c' ? 3 : 4, async () => { last = await put(bench, name, '5'); });
        assert.deepEqual(lines.slice(0, 2), [`MODIFIED a=2@${second}`, `ADDED b=3@${third}`]);
        assert.equal(lines.at(-1), `ADDED ${name}=5@${last}`);
      }
    } finally {
      await fresh.close();
    }
  },
  'watch with initial events: all objects, one bookmark that says so, then changes': async (bench) => {
    const [a, b] = [await put(bench, 'a', '1'), await put(bench, 'b', '2')];
    for (const atLeast of [undefined, 0, b]) {
      let gone = 0;
      const lines = await watch(bench, { kind: 'initial', atLeast }, 4, async () => { await put(bench, 'x', '5'); gone = await remove(bench, 'x'); }, undefined, true);
      assert.deepEqual(lines.slice(0, 3), [`ADDED a=1@${a}`, `ADDED b=2@${b}`, 'BOOKMARK end']);
      assert.match(lines[3]!, /^ADDED x=5@/);
      while ((await list(bench)).revision < gone) await elsewhere(bench);
    }
  },
  'watch with a selector: into it and out of it': async (bench) => {
    const start = await elsewhere(bench);
    const lines = await watch(bench, { kind: 'after', revision: start }, 4, async () => {
      await put(bench, 'a', '1');
      await put(bench, 'a', '2');
      await put(bench, 'a', '4');
      await put(bench, 'a', '5');
      await put(bench, 'a', '6');
    }, 'even');
    assert.deepEqual(lines.map((line) => line.replace(/@\d+$/, '')), ['ADDED a=2', 'MODIFIED a=4', 'DELETED a=4', 'ADDED a=6']);
  },
  'time to live: the object goes by itself, and watches are told': async (bench) => {
    const { store, } = bench.server;
    const start = await elsewhere(bench);
    const leaseId = await bench.opened.engine.grantLease(1);
    await store.create(keyOf(bench, 'brief'), objectOf(keyOf(bench, 'brief'), '1'), { leaseId });
    const lines = await watch(bench, { kind: 'after', revision: start }, 2, async () => undefined);
    assert.deepEqual(lines.map((line) => line.replace(/@\d+$/, '')), ['ADDED brief=1', 'DELETED brief=1']);
    assert.deepEqual((await list(bench)).names, []);
  },
  'undecodable: costs only itself, and can be removed': async (bench) => {
    await put(bench, 'a', '1');
    await put(bench, 'bad', '2');
    const start = await put(bench, 'c', '3');
    const { engine } = bench.opened;
    const lines = await watch(bench, { kind: 'after', revision: start }, 2, async () => {
      await engine.write({ key: keyOf(bench, 'bad'), value: Buffer.from('?') });
      await put(bench, 'c', '4');
    });
    assert.deepEqual(lines.map((line) => line.replace(/@\d+$/, '')), ['DELETED bad=2', 'MODIFIED c=4']);
    assert.deepEqual((await list(bench)).names, ['a=1', 'c=4']);
    assert.deepEqual((await list(bench, { limit: 1 })).names, ['a=1']);
    await assert.rejects(bench.server.store.get(keyOf(bench, 'bad')));
    assert.equal(await bench.server.store.removeUnreadable(keyOf(bench, 'a')), 'readable');
    assert.equal(await bench.server.store.removeUnreadable(keyOf(bench, 'bad')), 'removed');
    assert.equal(await bench.server.store.removeUnreadable(keyOf(bench, 'bad')), 'missing');
    await put(bench, 'bad', '6');
    assert.deepEqual((await list(bench)).names, ['a=1', 'bad=6', 'c=4']);
  },
  'bookmarks: one a minute, never ahead': async (bench) => {
    const { VirtualClock } = await import('#base/virtual-clock');
    const clock = new VirtualClock();
    const stop = new AbortController();
    const start = await put(bench, 'a', '1');
    const request: WatchRequest = { selection: selectionOf(undefined, bench.namespace), from: { kind: 'after', revision: start }, bookmarks: true, markInitialEnd: false, timeoutMs: 1e9, signal: stop.signal };
    const stream = watchStream(bench.server.store, request, ENCODER, clock);
    const next = stream.next();
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    const other = await elsewhere(bench);
    for (let wait = 0; bench.server.feed.revision < other && wait < 500; wait++) await new Promise((resolve) => { setTimeout(resolve, 10); });
    await clock.advance(61_000);
    const { type, object } = JSON.parse(((await next).value as Buffer).toString()) as Line;
    assert.deepEqual([type, Number(object.metadata.resourceVersion)], ['BOOKMARK', other]);
    stop.abort();
    await stream.return();
  },
};

for (const kind of ENGINES) {
  let opened: OpenedEngine | undefined;
  let server: ObjectStore | undefined;
  before(async () => {
    if (kind.skip !== false) return;
    opened = await kind.open();
    server = await openObjectStore(opened.engine, systemClock);
  });
  after(async () => {
    await server?.close();
    await opened?.close();
  });
  let number = 0;
  for (const [title, run] of Object.entries(CASES)) {
    const namespace = `case-${number++}`;
    test(`objects on ${kind.name}: ${title}`, { skip: kind.skip, timeout: 60_000 }, () => run({ server: server!, opened: opened!, namespace }));
  }
}
