import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Retention } from './retention.ts';

test('retention: young history stays, old goes, and the count is bounded', () => {
  const retention = new Retention({ historyMs: 100, revisionsMax: 50 });
  const steps: [atMs: number, revision: number, compactTo: number][] = [
    [0, 10, 0], [50, 20, 0], [100, 30, 10], [149, 30, 0], [150, 30, 20], [160, 100, 50], [300, 100, 100], [900, 100, 50],
  ];
  for (const [atMs, revision, compactTo] of steps) assert.equal(retention.note(atMs, revision), compactTo, `at ${atMs}`);
});
