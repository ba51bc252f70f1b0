/** When a thing is made again, and who shares it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latest } from './latest.ts';

interface Workshop { source: string; readonly made: string[]; finish(): void; get(): Promise<string> }

function workshop(): Workshop {
  const waiting: (() => void)[] = [];
  const shop: Workshop = { source: 'a', made: [], finish: () => { waiting.shift()!(); }, get: () => get() };
  const get = latest(() => shop.source, (from) => {
    shop.made.push(from);
    return new Promise<string>((resolve) => { waiting.push(() => resolve(`of ${from}`)); });
  });
  return shop;
}

test('it is made once of one source', async () => {
  const shop = workshop();
  const both = [shop.get(), shop.get()];
  shop.finish();
  assert.deepEqual(await Promise.all(both), ['of a', 'of a']);
  assert.equal(await shop.get(), 'of a');
  assert.deepEqual(shop.made, ['a']);
});

test('who asks after a change waits for one that was begun after it, and one is made at a time', async () => {
  const shop = workshop();
  const first = shop.get();
  shop.source = 'b';
  const second = shop.get();
  shop.source = 'c';
  const third = shop.get();
  assert.deepEqual(shop.made, ['a']);
  shop.finish();
  assert.equal(await first, 'of a');
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.deepEqual(shop.made, ['a', 'c']);
  shop.finish();
  assert.deepEqual(await Promise.all([second, third]), ['of c', 'of c']);
});

test('a failure is not kept', async () => {
  let fails = true;
  const get = latest(() => 'a', () => (fails ? Promise.reject(new Error('no')) : Promise.resolve('yes')));
  await assert.rejects(get(), /no/);
  fails = false;
  assert.equal(await get(), 'yes');
});
