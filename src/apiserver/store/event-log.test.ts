import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescribedObject } from './described.ts';
import { EventLog } from './event-log.ts';

const LIMITS = { eventsMin: 5, eventsMax: 20, bytesMax: 1_000, freshMs: 1_000 };

function object(name: string, bytes: number): DescribedObject {
  return { key: `n/${name}`, namespace: 'n', name, bytes: Buffer.alloc(bytes), revision: 1, labels: undefined, fields: undefined };
}

test('events are kept by number, age and bytes', () => {
  const table: { name: string; events: { at: number; bytes: number }[]; kept: number }[] = [
    { name: 'fresh ones up to the most', events: Array.from({ length: 50 }, () => ({ at: 0, bytes: 1 })), kept: 20 },
    { name: 'old ones down to the least', events: Array.from({ length: 18 }, (_, i) => ({ at: i < 17 ? 0 : 5_000, bytes: 1 })), kept: 5 },
    { name: 'large ones by their bytes, also below the least', events: Array.from({ length: 10 }, () => ({ at: 0, bytes: 400 })), kept: 2 },
    { name: 'one that is larger than all', events: [{ at: 0, bytes: 1 }, { at: 0, bytes: 5_000 }], kept: 1 },
  ];
  for (const { name, events, kept } of table) {
    const log = new EventLog(0, LIMITS);
    events.forEach(({ at, bytes }, i) => log.append(i + 1, at, object(`${i}`, bytes), undefined));
    assert.equal(log.nextSequence - log.firstSequence, kept, name);
    assert.equal(log.startRevision, events.length - kept, `${name}: all events after the start are there`);
    assert.equal(log.at(log.firstSequence - 1), undefined, name);
    assert.equal(log.at(log.firstSequence)?.revision, events.length - kept + 1, name);
  }
});

test('what deletions hold counts too', () => {
  const log = new EventLog(0, LIMITS);
  for (let i = 1; i <= 50; i++) log.append(i, 0, undefined, object(`${i}`, 300));
  assert.ok(log.bytes <= LIMITS.bytesMax, `${log.bytes} bytes are held`);
});

test('a position is found by revision', () => {
  const log = new EventLog(10, LIMITS);
  for (const revision of [12, 15, 15, 20]) log.append(revision, 0, object('x', 1), undefined);
  for (const [revision, expected] of [[10, 12], [12, 15], [14, 15], [15, 20], [20, undefined]] as const) {
    assert.equal(log.at(log.positionAfter(revision))?.revision, expected, `after ${revision}`);
  }
});
