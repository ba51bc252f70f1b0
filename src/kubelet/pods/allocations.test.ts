import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import { createAllocations } from './allocations.ts';

const podOf = (cpu: string, uid = 'u1'): Pod => ({ metadata: { name: uid, namespace: 'n', uid, generation: 2 }, spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] } });
const allocatable = { cpu: '2', memory: '4Gi', pods: '110' };

describe('allocations', () => {
  let dir: string;
  before(() => { dir = mkdtempSync(join(tmpdir(), 'kn-allocations-')); });
  after(() => rmSync(dir, { recursive: true }));

  it('grants what fits, defers what may fit, refuses what never will, and remembers', () => {
    const file = join(dir, 'state');
    const allocations = createAllocations(file);
    allocations.grantAll(podOf('500m'));
    const review = (cpu: string, others: Pod[] = []) => allocations.review(podOf(cpu), { allocatable, others });
    assert.equal(review('500m'), 'unchanged');
    assert.equal(review('1'), 'granted');
    assert.equal(review('1500m', [podOf('1', 'u2')]), 'deferred');
    assert.deepEqual(allocations.pending(podOf('1500m')), { type: 'PodResizePending', status: 'True', reason: 'Deferred', message: "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000", observedGeneration: 2 });
    assert.equal(allocations.granted(podOf('1500m')).spec?.containers[0]?.resources?.requests?.['cpu'], '1');
    assert.equal(createAllocations(file).granted(podOf('1500m')).spec?.containers[0]?.resources?.requests?.['cpu'], '1');
    assert.equal(review('3'), 'infeasible');
    assert.equal(review('1500m'), 'granted');
    assert.equal(allocations.pending(podOf('1500m')), undefined);
  });
});
