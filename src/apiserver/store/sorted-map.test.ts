import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base/random';
import { SortedMap } from './sorted-map.ts';

test('agrees with a sorted array over random inserts and deletes', () => {
  const random = seededRandom(7);
  const map = new SortedMap<string>();
  const model = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const key = `ns-${random.integer(9)}/n${random.integer(3000)}`;
    if (random.next() < 0.6) { map.set(key, key); model.add(key); } else { map.delete(key); model.delete(key); }
  }
  const seen: string[] = [];
  map.scan('', '', (value) => { seen.push(value); });
  assert.deepEqual(seen, [...model].sort());
  const part: string[] = [];
  map.scan('ns-3/', 'ns-30', (value) => { part.push(value); });
  assert.deepEqual(part, [...model].filter((key) => key.startsWith('ns-3/')).sort());
  assert.equal(map.size, model.size);
});

test('what is loaded at once can be changed like all else', () => {
  const keys = Array.from({ length: 1_700 }, (_, i) => String(2 * i).padStart(5, '0'));
  const map = new SortedMap<string>();
  map.set('gone', 'gone');
  map.load(keys, keys);
  map.set('00001', '00001');
  map.delete('03398');
  const seen: string[] = [];
  map.scan('', '', (value) => { seen.push(value); });
  assert.deepEqual(seen, [...keys.filter((key) => key !== '03398'), '00001'].sort());
  assert.deepEqual([map.size, map.get('gone'), map.get('00002'), map.count('00000', '00010')], [1_700, undefined, '00002', 6]);
});

test('a scan stops when told to', () => {
  const map = new SortedMap<number>();
  for (let i = 0; i < 2000; i++) map.set(String(i).padStart(5, '0'), i);
  const seen: number[] = [];
  map.scan('00500', '', (value) => { seen.push(value); return seen.length < 3; });
  assert.deepEqual(seen, [500, 501, 502]);
});
