import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import type { Lease } from '#api/generated/coordination/v1';
import type { Node } from '#api/generated/core/v1';
import { NodeHealth } from './node-health.ts';

const GRACE_MS = 50_000;
const node: Node = { metadata: { name: 'n' }, status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: '2026-01-01T00:00:00Z' }] } };
const leaseAt = (renewTime: string): Lease => ({ metadata: { name: 'n' }, spec: { renewTime } });

describe('signs of life', () => {
  it('a silent node becomes unknown after the grace, not before', async () => {
    const clock = new VirtualClock();
    const health = new NodeHealth({ clock, graceMs: GRACE_MS, startupGraceMs: 60_000 });
    assert.equal(health.judge(node, undefined).conditions, undefined);
    await clock.advance(GRACE_MS);
    assert.equal(health.judge(node, undefined).conditions, undefined);
    await clock.advance(1);
    const conditions = health.judge(node, undefined).conditions!;
    assert.deepEqual(conditions.map((condition) => [condition.type, condition.status, condition.reason]), [
      ['Ready', 'Unknown', 'NodeStatusUnknown'], ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'], ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ]);
  });

  it('a renewed lease is a sign', async () => {
    const clock = new VirtualClock();
    const health = new NodeHealth({ clock, graceMs: GRACE_MS, startupGraceMs: 60_000 });
    health.judge(node, leaseAt('2026-01-01T00:00:00.000000Z'));
    await clock.advance(GRACE_MS - 1);
    health.judge(node, leaseAt('2026-01-01T00:00:10.000000Z'));
    await clock.advance(GRACE_MS);
    assert.equal(health.judge(node, leaseAt('2026-01-01T00:00:10.000000Z')).conditions, undefined);
  });

  it('a jump of the time of day is no silence', () => {
    let jumpMs = 0;
    const steady = new VirtualClock();
    const clock = { now: () => steady.now() + jumpMs, monotonicNow: () => steady.monotonicNow(), setTimer: steady.setTimer.bind(steady), sleep: steady.sleep.bind(steady) };
    const health = new NodeHealth({ clock, graceMs: GRACE_MS, startupGraceMs: 60_000 });
    health.judge(node, undefined);
    jumpMs = 3_600_000;
    assert.equal(health.judge(node, undefined).conditions, undefined);
  });
});
