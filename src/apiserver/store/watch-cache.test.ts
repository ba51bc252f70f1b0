import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base/random';
import { CorruptError, type KeyValue, type WatchEvent } from '#storage/contract';
import { bytesNow, selectAll, type Describer, type Selection } from './described.ts';
import { WatchCache } from './watch-cache.ts';

const PREFIX = '/registry/things/';
const describer: Describer = {
  namespaced: true, fields: (object) => ({ 'spec.node': (object as { spec?: { node?: string } }).spec?.node ?? '' }),
  canonical(bytes) {
    if (bytes[0] !== 0x7b) throw new Error('not an object');
    return bytes;
  },
};

const bytesOf = (tier: string, node: string): Buffer => Buffer.from(JSON.stringify({ metadata: { labels: { tier } }, spec: { node } }));
const put = (key: string, revision: number, value: Buffer): WatchEvent => ({ type: 'put', key: PREFIX + key, value, previous: undefined, revision, created: false });
const remove = (key: string, revision: number): WatchEvent => ({ type: 'delete', key: PREFIX + key, value: Buffer.alloc(0), previous: undefined, revision, created: false });
const newCache = (): WatchCache => new WatchCache({ prefix: PREFIX, describer, now: () => 0 });

function by(selector: { tier?: string; node?: string }, namespace = ''): Selection {
  return {
    ...selectAll(namespace), everything: false,
    labelPairs: selector.tier === undefined ? [] : [['tier', selector.tier]], fieldPairs: selector.node === undefined ? [] : [['spec.node', selector.node]],
    matches: (object) => (selector.tier === undefined || object.labels?.['tier'] === selector.tier) && (selector.node === undefined || object.fields?.['spec.node'] === selector.node),
  };
}

const names = (objects: readonly { key: string }[]): string[] => objects.map((object) => object.key);

test('one buffer per version: the store\'s own, in the state and in the log', () => {
  const cache = newCache();
  const [first, second] = [bytesOf('a', 'x'), bytesOf('b', 'x')];
  cache.apply(put('n/1', 1, first));
  cache.apply(put('n/1', 2, second));
  assert.equal(cache.get('n/1')!.bytes, second);
  assert.equal(cache.log.at(0)!.object!.bytes, first);
  assert.equal(cache.log.at(1)!.object, cache.get('n/1'), 'the log and the state share the object');
  assert.equal(cache.log.at(1)!.previous, cache.log.at(0)!.object, 'and so do one event\'s before and the other\'s after');
});

test('indexes, scans and pages at past revisions agree with a plain model', () => {
  const random = seededRandom(11);
  const cache = newCache();
  const model = new Map<string, { tier: string; node: string; revision: number }>();
  const past = new Map<number, Map<string, { tier: string; node: string; revision: number }>>();
  for (let revision = 1; revision <= 4_000; revision++) {
    const key = `n${random.integer(3)}/${random.integer(300)}`;
    if (random.integer(4) === 0) {
      cache.apply(remove(key, revision));
      model.delete(key);
    } else {
      const [tier, node] = [`t${random.integer(40)}`, `m${random.integer(60)}`];
      cache.apply(put(key, revision, bytesOf(tier, node)));
      model.set(key, { tier, node, revision });
    }
    if (revision > 3_000 && revision % 97 === 0) {
      cache.present(revision);
      past.set(revision, new Map(model));
    }
  }
  const expected = (state: typeof model, selector: { tier?: string; node?: string }, namespace: string): string[] => [...state]
    .filter(([key, { tier, node }]) => (namespace === '' || key.startsWith(`${namespace}/`)) && (selector.tier === undefined || tier === selector.tier) && (selector.node === undefined || node === selector.node))
    .map(([key]) => key).sort();
  const selectors = [{}, { tier: 't1' }, { node: 'm5' }, { tier: 't2', node: 'm7' }, { tier: 'none' }];
  for (const selector of selectors) {
    for (const namespace of ['', 'n1', 'none']) {
      assert.deepEqual(names(cache.select(by(selector, namespace))), expected(model, selector, namespace), JSON.stringify([selector, namespace]));
      for (const [revision, state] of past) {
        const wanted = expected(state, selector, namespace);
        const seen: string[] = [];
        for (let after = ''; ;) {
          const page = cache.page(cache.past(revision)!, by(selector, namespace), after, 7);
          seen.push(...names(page.items));
          for (const item of page.items) assert.equal(item.revision, state.get(item.key)!.revision);
          if (page.items.length < 7) { assert.equal(page.behind, 0); break; }
          after = page.items.at(-1)!.key;
          assert.equal(page.behind, expected(state, {}, namespace).filter((key) => key > after).length, 'behind the page');
        }
        assert.deepEqual(seen, wanted, `${JSON.stringify([selector, namespace])} at ${revision}`);
      }
    }
  }
});

test('a past state ends with its time, and when the log no longer holds what came since', () => {
  let nowMs = 0;
  const cache = new WatchCache({ prefix: PREFIX, describer, now: () => nowMs, limits: { eventsMin: 1, eventsMax: 10, bytesMax: 1e6, freshMs: 1e9 } });
  cache.apply(put('n/1', 1, bytesOf('a', 'x')));
  cache.present(1);
  for (let revision = 2; revision <= 9; revision++) cache.apply(put('n/1', revision, bytesOf('a', 'x')));
  assert.equal(cache.past(1)?.changed.size, 1);
  for (let revision = 10; revision <= 30; revision++) cache.apply(put('n/1', revision, bytesOf('a', 'x')));
  assert.equal(cache.past(1), undefined, 'events are missing');
  cache.present(30);
  nowMs = 121_000;
  assert.equal(cache.past(30), undefined, 'too old: the store\'s history is asked, which knows what is compacted');
});

test('an object that becomes undecodable is gone, and comes back as new', () => {
  const cache = newCache();
  const told: string[] = [];
  cache.listen((event) => told.push(`${event.revision} ${event.object === undefined ? 'gone' : event.previous === undefined ? 'new' : 'changed'}`), () => undefined);
  cache.apply(put('n/1', 1, bytesOf('a', 'x')));
  cache.apply(put('n/1', 2, Buffer.from('?')));
  assert.deepEqual(names(cache.select(selectAll())), []);
  assert.deepEqual(names(cache.select(by({ tier: 'a' }))), []);
  cache.apply(put('n/1', 3, Buffer.from('??')));
  cache.apply(put('n/1', 4, bytesOf('b', 'x')));
  cache.apply(put('n/2', 5, Buffer.from('?')));
  cache.apply(remove('n/2', 6));
  assert.deepEqual(told, ['1 new', '2 gone', '4 new']);
});

test('a reload replaces everything and ends watches; events that it covers are not applied again', () => {
  const cache = newCache();
  let resets = 0;
  cache.listen(() => undefined, () => { resets++; });
  cache.apply(put('n/1', 1, bytesOf('a', 'x')));
  const item: KeyValue = { key: `${PREFIX}n/2`, value: bytesOf('b', 'x'), modRevision: 7, createRevision: 7 };
  cache.replace([item], 9);
  cache.apply(put('n/3', 8, bytesOf('c', 'x')));
  assert.deepEqual([names(cache.select(selectAll())), resets, cache.currentRevision(5), cache.log.startRevision], [['n/2'], 1, 9, 9]);
});

test('an object whose record is damaged later costs one reader its answer, and is left out from then on', async () => {
  const cache = new WatchCache({ prefix: PREFIX, describer, now: () => 0, lend: true });
  let rotten = false;
  const damaged: string[] = [];
  cache.replace(['n/1', 'n/2', 'n/3'].map((key) => lentItem(key, 1, () => {
    if (rotten && key === 'n/2') throw new CorruptError('damaged');
    return bytesOf('a', 'x');
  })), 1, (key) => damaged.push(key));
  rotten = true;
  assert.equal(cache.select(by({ tier: 'a' })).length, 3, 'not noticed before it is read');
  assert.throws(() => cache.select(selectAll()).map(bytesNow), CorruptError);
  assert.deepEqual([names(cache.select(selectAll())), names(cache.select(by({ tier: 'a' }))), damaged], [['n/1', 'n/3'], ['n/1', 'n/3'], [`${PREFIX}n/2`]]);
  cache.apply(put('n/2', 2, bytesOf('b', 'x')));
  assert.equal(cache.select(selectAll()).map(bytesNow).length, 3);
});

/** As the store lends it: nothing is read before it is asked for. */
function lentItem(key: string, revision: number, value: () => Buffer): KeyValue {
  const lent = { size: 7, get value() { return value(); }, peek: value };
  return { key: PREFIX + key, modRevision: revision, createRevision: revision, lent, get value() { return value(); } };
}

test('a large load is read afterwards: readers wait, events come meanwhile, what cannot be read was never there', async () => {
  const cache = new WatchCache({ prefix: PREFIX, describer, now: () => 0, lend: true });
  const count = 2_000;
  let reads = 0;
  const keyOf = (i: number): string => `n/${String(i).padStart(5, '0')}`;
  const damaged: string[] = [];
  const items = Array.from({ length: count }, (_, i) => lentItem(keyOf(i), 1 + i, () => {
    reads++;
    if (i === 700) throw new CorruptError('damaged');
    return i % 500 === 3 ? Buffer.from('?') : bytesOf(`t${i % 10}`, `m${i % 100}`);
  }));
  const told: string[] = [];
  cache.listen(({ object, previous }) => told.push(`${previous?.key ?? '-'} ${previous?.labels?.['tier'] ?? '-'} to ${object?.labels?.['tier'] ?? '-'}`), () => undefined);
  cache.replace(items, count, (key) => damaged.push(key));
  assert.equal(reads, 0, 'nothing is read yet');
  assert.equal(cache.get(keyOf(3)), undefined, 'undecodable');
  assert.equal(cache.get(keyOf(11))!.labels!['tier'], 't1');
  cache.apply(put(keyOf(12), count + 1, bytesOf('t9', 'm12')));
  cache.apply(remove(keyOf(13), count + 2));
  cache.apply(put(keyOf(503), count + 3, bytesOf('t9', 'm12')));
  cache.apply(put(keyOf(700), count + 4, bytesOf('t9', 'm12')));
  assert.deepEqual(told, [`${keyOf(12)} t2 to t9`, `${keyOf(13)} t3 to -`, '- - to t9', '- - to t9']);
  assert.deepEqual(damaged, [`${PREFIX}${keyOf(700)}`]);
  while (cache.untilSettled() !== undefined) await cache.untilSettled();
  const expected = [...items.keys()].filter((i) => i !== 13 && (i % 500 !== 3 || i === 503));
  assert.deepEqual(names(cache.select(selectAll())), expected.map(keyOf));
  const inNode = expected.filter((i) => (i === 503 || i === 700 ? 12 : i % 100) === 12);
  assert.deepEqual(names(cache.select(by({ node: 'm12' }))), inNode.map(keyOf), 'by index');
  assert.deepEqual(names(cache.select(by({ tier: 't9', node: 'm12' }))), [12, 503, 700].map(keyOf));
  const before = reads;
  assert.deepEqual(cache.get(keyOf(20))!.bytes, bytesOf('t0', 'm20'));
  assert.equal(reads, before + 1, 'bytes are not kept');
});

test('a load during the reading of one before it takes its place', async () => {
  const cache = new WatchCache({ prefix: PREFIX, describer, now: () => 0, lend: true });
  const load = (tier: string, revision: number): void => cache.replace(Array.from({ length: 1_000 }, (_, i) => lentItem(`n/${String(i).padStart(4, '0')}`, revision, () => bytesOf(tier, `m${i % 50}`))), revision);
  load('a', 1_000);
  const waiting = cache.untilSettled();
  load('b', 2_000);
  await waiting;
  assert.equal(cache.untilSettled(), undefined, 'whoever waited, waited for the later one too');
  assert.deepEqual([cache.select(by({ tier: 'a' })).length, cache.select(by({ tier: 'b', node: 'm7' })).length], [0, 20]);
});
