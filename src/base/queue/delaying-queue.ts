/**
 * Adds "not before" to a queue: `addAfter(key, ms)`.
 *
 * Invariant: a key waits for at most one moment, the earliest asked for; one timer runs, for the earliest key.
 */
import type { Clock, Timer } from '../clock.ts';
import type { Queue } from './work-queue.ts';

export interface DelayingQueue<K> extends Queue<K> {
  /** Adds the key after the delay; at once when it is not positive. */
  addAfter(key: K, delayMs: number): void;
}

interface Entry<K> { readonly key: K; dueMs: number; order: number; at: number }

export function delayingQueue<K>(queue: Queue<K>, clock: Clock): DelayingQueue<K> {
  /** Binary heap by (dueMs, order); each entry knows its place. */
  const heap: Entry<K>[] = [];
  const byKey = new Map<K, Entry<K>>();
  let order = 0;
  let timer: Timer | undefined;
  let timerDueMs = Infinity;
  let stopped = false;

  const before = (a: Entry<K>, b: Entry<K>): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
  const place = (entry: Entry<K>, at: number): void => { heap[at] = entry; entry.at = at; };

  function rise(entry: Entry<K>): void {
    let at = entry.at;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1]!;
      if (!before(entry, parent)) break;
      place(parent, at);
      at = (at - 1) >> 1;
    }
    place(entry, at);
  }

  function sink(entry: Entry<K>): void {
    let at = entry.at;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, entry)) break;
      place(heap[child]!, at);
      at = child;
    }
    place(entry, at);
  }

  function popFirst(): Entry<K> {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (last !== first) { place(last, 0); sink(last); }
    byKey.delete(first.key);
    return first;
  }

  function arm(): void {
    const dueMs = heap[0]?.dueMs ?? Infinity;
    if (dueMs === timerDueMs) return;
    timer?.cancel();
    timer = undefined;
    timerDueMs = dueMs;
    if (dueMs !== Infinity) timer = clock.setTimer(dueMs - clock.monotonicNow(), fire);
  }

  function fire(): void {
    timerDueMs = Infinity;
    timer = undefined;
    const nowMs = clock.monotonicNow();
    while (heap.length > 0 && heap[0]!.dueMs <= nowMs) queue.add(popFirst().key);
    arm();
  }

  function addAfter(key: K, delayMs: number): void {
    if (stopped) return;
    if (!(delayMs > 0)) { queue.add(key); return; }
    const dueMs = clock.monotonicNow() + delayMs;
    const known = byKey.get(key);
    if (known !== undefined) {
      if (dueMs >= known.dueMs) return;
      known.dueMs = dueMs;
      rise(known);
    } else {
      const entry: Entry<K> = { key, dueMs, order: order++, at: heap.length };
      heap.push(entry);
      byKey.set(key, entry);
      rise(entry);
    }
    arm();
  }

  function shutDown(): void {
    stopped = true;
    timer?.cancel();
    timer = undefined;
    heap.length = 0;
    byKey.clear();
    queue.shutDown();
  }

  return {
    add: (key) => queue.add(key),
    take: (signal) => queue.take(signal),
    done: (key) => queue.done(key),
    length: () => queue.length(),
    shutDown,
    addAfter,
  };
}
