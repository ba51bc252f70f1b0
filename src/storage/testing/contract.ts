/**
 * The suite every storage engine passes: what `contract.ts` promises, as named cases.
 *
 * An engine's own test calls `storageContract(name, open)`. `open` gives a fresh, empty engine and a way to let time pass;
 * the suite closes it. Revisions are only compared with each other: an engine may start anywhere and may skip some.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CompactedError, FutureRevisionError, KEY_LENGTH_MAX, LeaseNotFoundError, TooLargeError, UnavailableError, VALUE_BYTES_MAX,
  prefixEnd,
  type RangeOptions, type RangeResult, type StorageEngine, type WatchEvent,
} from '../contract.ts';
import { collectEvents, openWatch } from './watch-reader.ts';

export interface EngineUnderTest {
  readonly engine: StorageEngine;
  /** Lets the engine's clock pass `seconds`, and then whatever work falls due. */
  passSeconds(seconds: number): Promise<void>;
  /** Removes what `open` made; called after `engine.close()`. */
  dispose(): Promise<void>;
}

type Case = (engine: StorageEngine, harness: EngineUnderTest) => Promise<void>;

const bytes = (text: string): Buffer => Buffer.from(text);
const everything = { start: '/', end: '0' } as const;
/** Longest wait for something that has to come. */
const ARRIVAL_MS = 5_000;

async function put(engine: StorageEngine, key: string, value = key): Promise<number> {
  const result = await engine.write({ key, value: bytes(value) });
  assert.ok(result.ok, `put ${key}`);
  return result.revision;
}

async function remove(engine: StorageEngine, key: string): Promise<number> {
  const result = await engine.write({ key, value: undefined });
  assert.ok(result.ok, `delete ${key}`);
  return result.revision;
}

const list = (engine: StorageEngine, prefix: string, more: Partial<RangeOptions> = {}): Promise<RangeResult> =>
  engine.range({ start: prefix, end: prefixEnd(prefix), ...more });
const keysOf = (result: RangeResult): string[] => result.items.map((item) => item.key);
const brief = (event: WatchEvent): string =>
  `${event.created ? 'create' : event.type} ${event.key}=${event.value} was ${event.previous?.value.toString() ?? '-'}`;

/** Reads `count` events on `prefix` after `afterRevision`. */
async function events(engine: StorageEngine, afterRevision: number, count: number, prefix = '/'): Promise<WatchEvent[]> {
  return await collectEvents(engine, { start: prefix, end: prefixEnd(prefix), afterRevision }, count, ARRIVAL_MS);
}

const cases: Record<string, Case> = {
  'an empty store has a revision and answers an empty range': async (engine) => {
    const revision = await engine.currentRevision();
    assert.ok(revision > 0);
    assert.deepEqual(await list(engine, '/'), { items: [], revision, more: false, count: 0 });
    assert.equal(await engine.get('/a'), undefined);
  },

  'create: answers the revision, and get gives the same back': async (engine) => {
    const before = await engine.currentRevision();
    const result = await engine.write({ key: '/a', value: bytes('1'), expectedRevision: 0 });
    assert.ok(result.ok);
    assert.ok(result.revision > before);
    assert.equal(result.previous, undefined);
    assert.deepEqual(await engine.get('/a'), { key: '/a', value: bytes('1'), modRevision: result.revision, createRevision: result.revision });
    assert.equal(await engine.currentRevision(), result.revision);
  },

  'create: refused when the key exists, with what stands there': async (engine) => {
    const revision = await put(engine, '/a', '1');
    const result = await engine.write({ key: '/a', value: bytes('2'), expectedRevision: 0 });
    assert.ok(!result.ok);
    assert.deepEqual([result.current?.value, result.current?.modRevision, result.fenced ?? false], [bytes('1'), revision, false]);
    assert.equal(await engine.currentRevision(), revision, 'a refused write takes no revision');
  },

  'update: keeps the create revision and answers the value before': async (engine) => {
    const created = await put(engine, '/a', '1');
    const result = await engine.write({ key: '/a', value: bytes('2'), expectedRevision: created });
    assert.ok(result.ok);
    assert.deepEqual(result.previous, { key: '/a', value: bytes('1'), modRevision: created, createRevision: created });
    assert.deepEqual(await engine.get('/a'), { key: '/a', value: bytes('2'), modRevision: result.revision, createRevision: created });
  },

  'update: refused at another revision, also for a key that is not there': async (engine) => {
    const first = await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    const stale = await engine.write({ key: '/a', value: bytes('3'), expectedRevision: first });
    assert.ok(!stale.ok);
    assert.equal(stale.current?.modRevision, second);
    const missing = await engine.write({ key: '/b', value: bytes('3'), expectedRevision: first });
    assert.deepEqual([missing.ok, missing.ok ? '' : missing.current], [false, undefined]);
  },

  'update: one of many that race on a revision wins': async (engine) => {
    const revision = await put(engine, '/a', 'start');
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) =>
      engine.write({ key: '/a', value: bytes(`${i}`), expectedRevision: revision })));
    const winners = results.flatMap((result, i) => (result.ok ? [{ i, revision: result.revision }] : []));
    assert.equal(winners.length, 1);
    const now = await engine.get('/a');
    assert.deepEqual([now?.value.toString(), now?.modRevision], [`${winners[0]!.i}`, winners[0]!.revision]);
    for (const result of results) if (!result.ok) assert.deepEqual(result.current, now);
  },

  'counters: no increment of concurrent writers is lost': async (engine) => {
    await put(engine, '/counter', '0');
    const increment = async (): Promise<void> => {
      for (;;) {
        const current = (await engine.get('/counter'))!;
        const next = bytes(`${Number(current.value.toString()) + 1}`);
        if ((await engine.write({ key: '/counter', value: next, expectedRevision: current.modRevision })).ok) return;
      }
    };
    await Promise.all(Array.from({ length: 4 }, async () => { for (let i = 0; i < 10; i++) await increment(); }));
    assert.equal((await engine.get('/counter'))?.value.toString(), '40');
  },

  'delete: unconditional, with the value before': async (engine) => {
    const created = await put(engine, '/a', '1');
    const result = await engine.write({ key: '/a', value: undefined });
    assert.ok(result.ok);
    assert.ok(result.revision > created);
    assert.deepEqual(result.previous, { key: '/a', value: bytes('1'), modRevision: created, createRevision: created });
    assert.equal(await engine.get('/a'), undefined);
    assert.deepEqual(keysOf(await list(engine, '/')), []);
  },

  'delete: of nothing is no write': async (engine) => {
    const before = await engine.currentRevision();
    const result = await engine.write({ key: '/a', value: undefined });
    assert.deepEqual([result.ok, result.ok ? '' : result.current], [false, undefined]);
    assert.equal(await engine.currentRevision(), before);
  },

  'delete: only at the expected revision': async (engine) => {
    const first = await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    const stale = await engine.write({ key: '/a', value: undefined, expectedRevision: first });
    assert.ok(!stale.ok);
    assert.equal(stale.current?.modRevision, second);
    assert.ok((await engine.write({ key: '/a', value: undefined, expectedRevision: second })).ok);
  },

  'delete, then create: a new create revision': async (engine) => {
    await put(engine, '/a', '1');
    await remove(engine, '/a');
    const again = await put(engine, '/a', '2');
    assert.deepEqual(await engine.get('/a'), { key: '/a', value: bytes('2'), modRevision: again, createRevision: again });
  },

  'guard: holds, is outdated, is gone': async (engine) => {
    const guard = await put(engine, '/lease', 'mine');
    assert.ok((await engine.write({ key: '/a', value: bytes('1'), guard: { key: '/lease', modRevision: guard } })).ok);
    const theirs = await put(engine, '/lease', 'theirs');
    const fenced = await engine.write({ key: '/a', value: bytes('2'), guard: { key: '/lease', modRevision: guard } });
    assert.deepEqual([fenced.ok, fenced.ok ? '' : fenced.fenced], [false, true]);
    await remove(engine, '/lease');
    const gone = await engine.write({ key: '/a', value: undefined, guard: { key: '/lease', modRevision: theirs } });
    assert.deepEqual([gone.ok, gone.ok ? '' : gone.fenced], [false, true]);
    assert.equal((await engine.get('/a'))?.value.toString(), '1');
    assert.ok((await engine.write({ key: '/a', value: bytes('3'), guard: { key: '/lease', modRevision: 0 } })).ok, 'revision 0: must not exist');
  },

  'guard and expected revision: both are needed, only the guard is called a fence': async (engine) => {
    const guard = await put(engine, '/lease');
    const result = await engine.write({ key: '/a', value: bytes('1'), expectedRevision: 77, guard: { key: '/lease', modRevision: guard } });
    assert.deepEqual([result.ok, result.ok ? '' : result.fenced ?? false], [false, false]);
  },

  'range: sorted bytewise, end exclusive, prefixes do not mix': async (engine) => {
    for (const key of ['/pods/b', '/pods/a', '/pods-more/a', '/pods/a/x', '/pods/a-b', '/pod', '/pods/B']) await put(engine, key);
    assert.deepEqual(keysOf(await list(engine, '/pods/')), ['/pods/B', '/pods/a', '/pods/a-b', '/pods/a/x', '/pods/b']);
    assert.deepEqual(keysOf(await engine.range({ start: '/pods/a', end: '/pods/b' })), ['/pods/a', '/pods/a-b', '/pods/a/x']);
    assert.deepEqual(keysOf(await engine.range({ start: '/pods/a\0', end: '/pods/a/' })), ['/pods/a-b']);
    assert.deepEqual(keysOf(await engine.range({ start: '/x', end: '/y' })), []);
  },

  'range: limit, more and count': async (engine) => {
    for (let i = 0; i < 7; i++) await put(engine, `/a/${i}`);
    await put(engine, '/b/0');
    const part = await list(engine, '/a/', { limit: 3 });
    assert.deepEqual([keysOf(part), part.more, part.count], [['/a/0', '/a/1', '/a/2'], true, 7]);
    const exact = await list(engine, '/a/', { limit: 7 });
    assert.deepEqual([exact.items.length, exact.more, exact.count], [7, false, 7]);
    const all = await list(engine, '/a/', { limit: 0 });
    assert.deepEqual([all.items.length, all.more, all.count], [7, false, 7]);
  },

  'range: keys only': async (engine) => {
    const revision = await put(engine, '/a', 'value');
    const { items } = await list(engine, '/', { keysOnly: true });
    assert.deepEqual(items, [{ key: '/a', value: Buffer.alloc(0), modRevision: revision, createRevision: revision }]);
  },

  'range: what is lent stays what it was, after other writes, deletions and compaction': async (engine) => {
    for (const key of ['/a/1', '/a/2', '/a/3']) await put(engine, key);
    const { items } = await list(engine, '/a/', { lend: true });
    await put(engine, '/a/1', 'other');
    await remove(engine, '/a/2');
    await engine.compact(await put(engine, '/a/4'));
    assert.deepEqual(items.map(({ key, value, lent }) => [key, value.toString(), (lent?.peek() ?? value).toString(), lent?.size ?? value.length]), ['/a/1', '/a/2', '/a/3'].map((key) => [key, key, key, 4]));
  },
  'range: values and revisions belong together': async (engine) => {
    const first = await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    const { items, revision } = await list(engine, '/');
    assert.deepEqual(items, [{ key: '/a', value: bytes('2'), modRevision: second, createRevision: first }]);
    assert.equal(revision, second);
  },

  'reads as of a revision see exactly that state': async (engine) => {
    const first = await put(engine, '/a', '1');
    const second = await put(engine, '/b', '1');
    const third = await put(engine, '/a', '2');
    const fourth = await remove(engine, '/b');
    const state = async (revision: number): Promise<string> => {
      const result = await list(engine, '/', { revision });
      assert.equal(result.revision, revision);
      assert.equal(result.count, result.items.length);
      return result.items.map((item) => `${item.key}=${item.value}@${item.modRevision}`).join(' ');
    };
    assert.equal(await state(first), `/a=1@${first}`);
    assert.equal(await state(second), `/a=1@${first} /b=1@${second}`);
    assert.equal(await state(third), `/a=2@${third} /b=1@${second}`);
    assert.equal(await state(fourth), `/a=2@${third}`);
    assert.equal((await engine.get('/a', { revision: second }))?.value.toString(), '1');
    assert.equal((await engine.get('/b', { revision: third }))?.modRevision, second);
    assert.equal(await engine.get('/b', { revision: fourth }), undefined);
    assert.equal(await engine.get('/b', { revision: first }), undefined);
  },

  'paging at one revision is an exact snapshot under writes': async (engine) => {
    for (let i = 0; i < 20; i++) await put(engine, `/a/${String(i).padStart(2, '0')}`, 'old');
    const seen: string[] = [];
    let page = await list(engine, '/a/', { limit: 6 });
    const { revision } = page;
    for (let n = 0; ; n++) {
      seen.push(...page.items.map((item) => `${item.key}=${item.value}`));
      assert.equal(page.revision, revision);
      assert.equal(page.count, 20 - n * 6);
      if (!page.more) break;
      await put(engine, `/a/${String(n).padStart(2, '0')}x`, 'new');
      await put(engine, `/a/${19 - n}`, 'new');
      await remove(engine, `/a/1${5 - n}`);
      page = await engine.range({ start: `${page.items[page.items.length - 1]!.key}\0`, end: prefixEnd('/a/'), limit: 6, revision });
    }
    assert.deepEqual(seen, Array.from({ length: 20 }, (_, i) => `/a/${String(i).padStart(2, '0')}=old`));
  },

  'a revision that has not happened is refused': async (engine) => {
    const revision = await put(engine, '/a');
    await assert.rejects(list(engine, '/', { revision: revision + 10 }), FutureRevisionError);
    await assert.rejects(engine.get('/a', { revision: revision + 10 }), FutureRevisionError);
    await assert.rejects(engine.compact(revision + 10), FutureRevisionError);
  },

  'compaction: older reads and watches are refused, the rest stays': async (engine) => {
    // etcd still takes a watch after the revision just before the compacted one: not asked here.
    const first = await put(engine, '/a', '0');
    await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    const third = await put(engine, '/b', '1');
    await engine.compact(second);
    await assert.rejects(list(engine, '/', { revision: first }), (error) => error instanceof CompactedError && error.compactedRevision === second);
    await assert.rejects(engine.get('/a', { revision: first }), CompactedError);
    await assert.rejects(events(engine, first, 1), CompactedError);
    assert.deepEqual(keysOf(await list(engine, '/', { revision: second })), ['/a']);
    assert.deepEqual(keysOf(await list(engine, '/', { revision: third })), ['/a', '/b']);
    assert.deepEqual((await events(engine, second, 1)).map(brief), ['create /b=1 was -']);
    assert.equal((await engine.status()).compactedRevision, second);
  },

  'compaction: everything that is newest stays, deleted keys do not come back': async (engine) => {
    for (let i = 0; i < 5; i++) await put(engine, `/a/${i}`);
    await remove(engine, '/a/3');
    await put(engine, '/a/1', 'new');
    const before = await list(engine, '/');
    await engine.compact(before.revision);
    assert.deepEqual(await list(engine, '/'), before);
    const again = await put(engine, '/a/3', 'again');
    assert.equal((await engine.get('/a/3'))?.createRevision, again);
  },

  'compaction: the previous value of the next event is still known': async (engine) => {
    await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    await put(engine, '/a', '3');
    await engine.compact(second);
    assert.deepEqual((await events(engine, second, 1)).map(brief), ['put /a=3 was 2']);
  },

  'compaction: does not go back, twice is fine': async (engine) => {
    const first = await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    await engine.compact(second);
    await engine.compact(first).catch((error: unknown) => assert.ok(error instanceof CompactedError));
    await engine.compact(second).catch((error: unknown) => assert.ok(error instanceof CompactedError));
    assert.equal((await engine.status()).compactedRevision, second);
  },

  'compaction: an idle watch is not thrown out by it': async (engine) => {
    const abort = new AbortController();
    const start = await put(engine, '/other/a', '0');
    const watch = openWatch(engine, { start: '/a/', end: prefixEnd('/a/'), afterRevision: start, signal: abort.signal }, ARRIVAL_MS);
    const first = watch.next();
    await put(engine, '/a/0', 'x');
    await first;
    const second = watch.next();
    for (let i = 1; i < 10; i++) await put(engine, '/other/a', `${i}`);
    await engine.compact(await engine.currentRevision());
    await put(engine, '/a/1', 'x');
    assert.deepEqual((await second)!.events.map(brief), ['create /a/1=x was -']);
    abort.abort();
  },

  'watch: creates, updates and deletes with revisions and previous values': async (engine) => {
    const start = await engine.currentRevision();
    const first = await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    const third = await remove(engine, '/a');
    const fourth = await put(engine, '/a', '3');
    const seen = await events(engine, start, 4);
    assert.deepEqual(seen.map(brief), ['create /a=1 was -', 'put /a=2 was 1', 'delete /a= was 2', 'create /a=3 was -']);
    assert.deepEqual(seen.map((event) => event.revision), [first, second, third, fourth]);
    assert.deepEqual(seen.map((event) => event.previous?.modRevision), [undefined, first, second, undefined]);
  },

  'watch: starts after its revision, history first, then live': async (engine) => {
    await put(engine, '/a', '1');
    const second = await put(engine, '/a', '2');
    await put(engine, '/a', '3');
    const abort = new AbortController();
    const watch = openWatch(engine, { ...everything, afterRevision: second, signal: abort.signal }, ARRIVAL_MS);
    assert.deepEqual((await watch.events(1)).map(brief), ['put /a=3 was 2']);
    const live = watch.events(1);
    await put(engine, '/a', '4');
    assert.deepEqual((await live).map(brief), ['put /a=4 was 3']);
    abort.abort();
  },

  'watch: a range gets its own keys only, a single key too': async (engine) => {
    const start = await engine.currentRevision();
    for (const key of ['/a/1', '/ab', '/a/2', '/a', '/b/1', '/a/1']) await put(engine, key);
    await put(engine, '/a/end');
    assert.deepEqual((await events(engine, start, 4, '/a/')).map((event) => event.key), ['/a/1', '/a/2', '/a/1', '/a/end']);
    const single = await collectEvents(engine, { start: '/a/1', end: '/a/1\0', afterRevision: start }, 2, ARRIVAL_MS);
    assert.deepEqual(single.map((event) => event.created), [true, false]);
  },

  'watch: from a revision to come waits for what is later': async (engine) => {
    const start = await put(engine, '/a', '0');
    const abort = new AbortController();
    const watch = openWatch(engine, { ...everything, afterRevision: start + 2, signal: abort.signal }, ARRIVAL_MS);
    const first = watch.events(1);
    for (let i = 1; i <= 3; i++) await put(engine, '/a', `${i}`);
    assert.deepEqual((await first).map(brief), ['put /a=3 was 2']);
    abort.abort();
  },

  'watch: under concurrent writers every event once, in order, same as history': async (engine) => {
    const start = await engine.currentRevision();
    const total = 200;
    const live = events(engine, start, total);
    await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; i < total / 8; i++) await put(engine, `/${writer}/${i % 5}`, `${i}`);
    }));
    const seen = await live;
    const revisions = seen.map((event) => event.revision);
    assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
    assert.deepEqual(await events(engine, start, total), seen, 'replayed later');
    const model = new Map<string, string>();
    for (const event of seen) {
      assert.equal(event.previous?.value.toString(), model.get(event.key));
      assert.equal(event.created, !model.has(event.key));
      model.set(event.key, event.value.toString());
    }
    const state = await list(engine, '/');
    assert.deepEqual(Object.fromEntries(state.items.map((item) => [item.key, item.value.toString()])), Object.fromEntries([...model].sort()));
  },

  'watch: an event is not seen before it can be read': async (engine) => {
    const abort = new AbortController();
    const start = await engine.currentRevision();
    const watch = openWatch(engine, { ...everything, afterRevision: start, signal: abort.signal }, ARRIVAL_MS);
    const writer = (async () => { for (let i = 0; i < 20; i++) await put(engine, '/a', `${i}`); })();
    for (let seen = 0; seen < 20;) {
      const batch = (await watch.next())!;
      seen += batch.events.length;
      assert.ok((await engine.get('/a'))!.modRevision >= batch.revision);
      assert.ok(await engine.currentRevision() >= batch.revision);
    }
    await writer;
    abort.abort();
  },

  'watch: many at a time get the same': async (engine) => {
    const start = await engine.currentRevision();
    const watches = Array.from({ length: 20 }, () => events(engine, start, 30));
    for (let i = 0; i < 30; i++) await put(engine, `/a/${i}`);
    const [first, ...others] = await Promise.all(watches);
    for (const other of others) assert.deepEqual(other, first);
  },

  'watch: ends without an error when aborted, before, while and after waiting': async (engine) => {
    await put(engine, '/a');
    const gone = AbortSignal.abort();
    assert.equal(await openWatch(engine, { ...everything, afterRevision: 0, signal: gone }, ARRIVAL_MS).next(), undefined);
    const abort = new AbortController();
    const watch = openWatch(engine, { ...everything, afterRevision: await engine.currentRevision(), signal: abort.signal }, ARRIVAL_MS);
    const waiting = watch.next();
    abort.abort();
    assert.equal(await waiting, undefined);
    assert.equal(await watch.next(), undefined);
  },

  'watch: a slow reader loses nothing': async (engine) => {
    const abort = new AbortController();
    const start = await engine.currentRevision();
    const watch = openWatch(engine, { ...everything, afterRevision: start, signal: abort.signal }, ARRIVAL_MS);
    const first = watch.next();
    await put(engine, '/a', 'x'.repeat(1000));
    await first;
    for (let i = 0; i < 600; i += 60) await Promise.all(Array.from({ length: 60 }, (_, n) => put(engine, `/b/${i + n}`, 'x'.repeat(1000))));
    assert.equal(new Set((await watch.events(600)).map((event) => event.key)).size, 600);
    abort.abort();
  },

  'progress: on request, after what was delivered, only to those that asked for it': async (engine) => {
    const abort = new AbortController();
    const start = await put(engine, '/a/1');
    const quiet = openWatch(engine, { start: '/b/', end: prefixEnd('/b/'), afterRevision: start, progress: true, signal: abort.signal }, ARRIVAL_MS);
    const silent = openWatch(engine, { start: '/b/', end: prefixEnd('/b/'), afterRevision: start, signal: abort.signal }, ARRIVAL_MS);
    const mark = quiet.next();
    const nothing = silent.next();
    const revision = await put(engine, '/a/2');
    const asking = setInterval(() => engine.requestProgress(), 20);
    const batch = await mark;
    clearInterval(asking);
    assert.deepEqual(batch?.events, []);
    if (batch!.revision < revision) assert.ok((await quiet.until((later) => later.revision >= revision, () => engine.requestProgress())).revision >= revision);
    abort.abort();
    assert.equal(await nothing, undefined, 'no mark without progress');
  },

  'progress: never overtakes an event': async (engine) => {
    const abort = new AbortController();
    const start = await engine.currentRevision();
    const watch = openWatch(engine, { ...everything, afterRevision: start, progress: true, signal: abort.signal }, ARRIVAL_MS);
    const writing = (async () => {
      for (let i = 0; i < 60; i++) { await put(engine, `/a/${i % 7}`, `${i}`); engine.requestProgress(); }
    })();
    let last = start;
    for (let seen = 0; seen < 60;) {
      const batch = (await watch.next())!;
      for (const event of batch.events) { assert.ok(event.revision > last, `event ${event.revision} after progress ${last}`); }
      seen += batch.events.length;
      assert.ok(batch.revision >= last);
      last = batch.revision;
    }
    await writing;
    abort.abort();
  },

  'lease: its keys die with it, as ordinary deletions': async (engine, harness) => {
    const leaseId = await engine.grantLease(2);
    assert.ok((await engine.leaseSecondsLeft(leaseId))! <= 2);
    const kept = await put(engine, '/kept');
    await engine.write({ key: '/a', value: bytes('1'), leaseId });
    await engine.write({ key: '/b', value: bytes('2'), leaseId });
    await engine.write({ key: '/moved', value: bytes('3'), leaseId });
    const last = await put(engine, '/moved', '4');
    assert.equal((await engine.get('/a'))?.leaseId, leaseId);
    assert.equal((await engine.get('/moved'))?.leaseId, undefined);
    await harness.passSeconds(1);
    assert.deepEqual(keysOf(await list(engine, '/')), ['/a', '/b', '/kept', '/moved']);
    await harness.passSeconds(4);
    assert.deepEqual((await events(engine, last, 2)).map(brief).sort(), ['delete /a= was 1', 'delete /b= was 2']);
    assert.deepEqual(keysOf(await list(engine, '/')), ['/kept', '/moved']);
    assert.equal((await engine.get('/kept'))?.modRevision, kept);
    await assert.rejects(engine.write({ key: '/c', value: bytes('1'), leaseId }), LeaseNotFoundError);
    assert.equal(await engine.leaseSecondsLeft(leaseId), undefined);
  },

  'lease: an unknown one is refused': async (engine) => {
    await assert.rejects(engine.write({ key: '/a', value: bytes('1'), leaseId: 424_242 }), LeaseNotFoundError);
    assert.equal(await engine.get('/a'), undefined);
  },

  'values: empty, binary and large come back as they were': async (engine) => {
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const large = Buffer.alloc(1024 * 1024, 'kubernode ');
    for (const [key, value] of [['/empty', Buffer.alloc(0)], ['/binary', binary], ['/large', large]] as const) {
      assert.ok((await engine.write({ key, value })).ok);
      assert.ok((await engine.get(key))!.value.equals(value), key);
    }
    assert.equal((await list(engine, '/')).count, 3);
  },

  'limits: too long a key or value is refused by name': async (engine) => {
    await assert.rejects(engine.write({ key: '/a', value: Buffer.alloc(VALUE_BYTES_MAX + 1) }), TooLargeError);
    await assert.rejects(engine.write({ key: `/${'k'.repeat(KEY_LENGTH_MAX)}`, value: bytes('1') }), TooLargeError);
    assert.equal((await list(engine, '/')).count, 0);
  },

  'many keys: written at once, read back by page and by prefix': async (engine) => {
    const total = 2_000;
    for (let from = 0; from < total; from += 200) {
      await Promise.all(Array.from({ length: 200 }, (_, i) => put(engine, `/many/${(from + i) % 20}/${String(from + i).padStart(5, '0')}`, 'v')));
    }
    assert.equal((await list(engine, '/many/')).count, total);
    const group = await list(engine, '/many/7/');
    assert.equal(group.items.length, total / 20);
    assert.deepEqual(keysOf(group), keysOf(group).sort());
    let start = '/many/';
    let seen = 0;
    for (;;) {
      const page = await engine.range({ start, end: prefixEnd('/many/'), limit: 333 });
      assert.equal(page.count, total - seen);
      seen += page.items.length;
      if (!page.more) break;
      start = `${page.items[page.items.length - 1]!.key}\0`;
    }
    assert.equal(seen, total);
    assert.equal((await engine.status()).keys, total);
  },

  'status: names the engine and where it stands': async (engine) => {
    const revision = await put(engine, '/a', 'x'.repeat(100));
    const status = await engine.status();
    assert.ok(status.engine.length > 0);
    assert.deepEqual([status.revision, status.keys], [revision, 1]);
    assert.ok(status.bytes > 0);
  },

  'an aborted signal refuses the call': async (engine) => {
    const signal = AbortSignal.abort(new Error('gone'));
    await assert.rejects(engine.get('/a', { signal }), /gone/);
    await assert.rejects(engine.range({ start: '/', end: '0' }, signal), /gone/);
    await assert.rejects(engine.write({ key: '/a', value: bytes('1') }, signal), /gone/);
    assert.equal(await engine.get('/a'), undefined);
  },

  'close: ends watches with an error and refuses calls; twice is fine': async (engine) => {
    await put(engine, '/a');
    const abort = new AbortController();
    const watch = openWatch(engine, { ...everything, afterRevision: await engine.currentRevision(), signal: abort.signal }, ARRIVAL_MS);
    const waiting = assert.rejects(watch.next(), UnavailableError);
    await engine.close();
    await waiting;
    await assert.rejects(engine.write({ key: '/b', value: bytes('1') }), UnavailableError);
    await assert.rejects(engine.get('/a'), UnavailableError);
    await assert.rejects(list(engine, '/'), UnavailableError);
    await assert.rejects(engine.currentRevision(), UnavailableError);
    await engine.close();
  },
};

export interface ContractOptions {
  /** Why the engine cannot run here. */
  readonly skip?: string;
  /** False: the engine cannot tell progress on request (etcd before 3.4.25). */
  readonly progress?: boolean;
}

/** Registers the suite for one engine. */
export function storageContract(name: string, open: () => Promise<EngineUnderTest>, options: ContractOptions = {}): void {
  for (const [title, run] of Object.entries(cases)) {
    const unable = title.startsWith('progress:') && options.progress === false ? 'no progress on request' : undefined;
    const skip = options.skip ?? unable;
    test(`${name}: ${title}`, { ...(skip === undefined ? {} : { skip }) }, async () => {
      const harness = await open();
      try {
        await run(harness.engine, harness);
      } finally {
        await harness.engine.close();
        await harness.dispose();
      }
    });
  }
}
