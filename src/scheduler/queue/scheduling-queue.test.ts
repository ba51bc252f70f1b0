import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import type { Pod } from '#api/generated/core/v1';
import { pod } from '../testing/world.ts';
import { prioritySort } from '../plugins/priority-sort.ts';
import { KeyedHeap } from './heap.ts';
import { SchedulingQueue, type WaitingPod } from './scheduling-queue.ts';

function queueOf(clock: VirtualClock): SchedulingQueue {
  return new SchedulingQueue({
    clock, less: prioritySort.less!, gate: (one: Pod) => ((one.spec?.schedulingGates ?? []).length > 0 ? 'SchedulingGates' : undefined),
    helps: (plugin, event) => plugin === 'NodeResourcesFit' && event === 'assigned-pod/delete',
  });
}

async function taken(queue: SchedulingQueue): Promise<WaitingPod> {
  const waiting = await queue.pop();
  assert.ok(waiting !== undefined);
  return waiting;
}

test('the heap gives the least first and finds by key', () => {
  const heap = new KeyedHeap<{ key: string; rank: number }>((item) => item.key, (a, b) => a.rank < b.rank);
  for (const rank of [5, 3, 8, 1, 4, 7]) heap.push({ key: `k${rank}`, rank });
  heap.remove('k3');
  heap.push({ key: 'k8', rank: 0 });
  const order: string[] = [];
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) order.push(item.key);
  assert.deepEqual(order, ['k8', 'k1', 'k4', 'k5', 'k7']);
});

test('higher priority first, then who came first', async () => {
  const queue = queueOf(new VirtualClock());
  queue.add(pod('first'));
  queue.add(pod('second'));
  queue.add(pod('urgent', { priority: 100 }));
  assert.deepEqual([(await taken(queue)).info.uid, (await taken(queue)).info.uid, (await taken(queue)).info.uid], ['urgent', 'first', 'second']);
  queue.close();
});

test('a rejected pod wakes by an event that helps, after its back-off', async () => {
  const clock = new VirtualClock();
  const queue = queueOf(clock);
  queue.add(pod('p'));
  queue.reject(await taken(queue), new Set(['NodeResourcesFit']));
  assert.deepEqual(queue.sizes(), { active: 0, backoff: 0, unschedulable: 1, gated: 0 });
  queue.onEvent('node/label');
  assert.equal(queue.sizes().unschedulable, 1);
  queue.onEvent('assigned-pod/delete');
  assert.deepEqual(queue.sizes(), { active: 0, backoff: 1, unschedulable: 0, gated: 0 });
  await clock.advance(999);
  assert.equal(queue.sizes().backoff, 1);
  await clock.advance(1);
  assert.equal(queue.sizes().active, 1);
  queue.close();
});

test('an event during the cycle is not lost', async () => {
  const clock = new VirtualClock();
  const queue = queueOf(clock);
  queue.add(pod('p'));
  const waiting = await taken(queue);
  queue.onEvent('assigned-pod/delete');
  queue.reject(waiting, new Set(['NodeResourcesFit']));
  assert.equal(queue.sizes().backoff, 1);
  queue.close();
});

test('without any event, five minutes', async () => {
  const clock = new VirtualClock();
  const queue = queueOf(clock);
  queue.add(pod('p'));
  queue.reject(await taken(queue), new Set(['NodeResourcesFit']));
  await clock.advance(4 * 60_000);
  assert.equal(queue.sizes().unschedulable, 1);
  await clock.advance(2 * 60_000);
  assert.equal(queue.sizes().active, 1);
  queue.close();
});

test('a gated pod waits until its gates are gone', async () => {
  const queue = queueOf(new VirtualClock());
  queue.add(pod('p', { schedulingGates: [{ name: 'hold' }] }));
  assert.equal(queue.sizes().gated, 1);
  queue.update(pod('p'), 'unscheduled-pod/gates');
  assert.equal((await taken(queue)).info.uid, 'p');
  queue.close();
});

test('close ends whoever waits', async () => {
  const queue = queueOf(new VirtualClock());
  const waiting = queue.pop();
  queue.close();
  assert.equal(await waiting, undefined);
});
