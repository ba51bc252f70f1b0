import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextTurn, TurnQueue } from './turn.ts';

test('a queue calls back so many a turn, in order, the first at once', async () => {
  const queue = new TurnQueue(3);
  const called: number[] = [];
  for (let i = 0; i < 8; i++) queue.add(() => called.push(i));
  assert.deepEqual(called, [0, 1, 2]);
  await nextTurn();
  assert.deepEqual(called, [0, 1, 2, 3, 4, 5]);
  queue.add(() => called.push(8));
  await nextTurn();
  assert.deepEqual(called, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  await nextTurn();
  queue.add(() => called.push(9));
  assert.equal(called.at(-1), 9);
});

test('what is added while others are called waits its turn', async () => {
  const queue = new TurnQueue(2);
  const called: string[] = [];
  queue.add(() => called.push('a'));
  queue.add(() => { called.push('b'); queue.add(() => called.push('d')); });
  queue.add(() => called.push('c'));
  assert.deepEqual(called, ['a', 'b']);
  await nextTurn();
  assert.deepEqual(called.slice(2), ['d', 'c']);
});

test('a queue that is never empty calls each once', async () => {
  const queue = new TurnQueue(2);
  const called: number[] = [];
  let added = 0;
  for (let turn = 0; turn < 50; turn++) {
    for (let i = 0; i < 3; i++) { const number = added++; queue.add(() => called.push(number)); }
    await nextTurn();
  }
  while (called.length < added) await nextTurn();
  assert.deepEqual(called, Array.from({ length: added }, (_, i) => i));
});
