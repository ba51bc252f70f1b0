import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import { cgroupHierarchies, cpuWeight } from './hierarchies.ts';
import { podCgroups } from './pod-cgroups.ts';

const burstable: Pod = { metadata: { name: 'b', namespace: 'n', uid: 'u1' }, spec: { containers: [{ name: 'c', resources: { requests: { cpu: '250m' }, limits: { cpu: '500m', memory: '64Mi' } } }] } };

/** A recorded tree: the files that the kernel would make in the pod's group exist beforehand. */
function recorded(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'kn-cgroup-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

describe('cgroups v1', () => {
  const pod = 'node/kubepods/burstable/podu1';
  let root: string;
  before(() => {
    root = recorded({
      'cpu/cgroup.procs': '', 'memory/cgroup.procs': '', 'cpuset/cgroup.procs': '', 'cpuset/cpuset.cpus': '0-1', 'cpuset/node/cpuset.cpus': '0-1', 'cpuset/node/kubepods/cpuset.cpus': '',
      [`cpu/${pod}/cpu.shares`]: '1024', [`cpu/${pod}/cpu.cfs_quota_us`]: '-1', [`cpu/${pod}/cpu.cfs_period_us`]: '100000', [`memory/${pod}/memory.limit_in_bytes`]: '9223372036854771712',
      [`memory/${pod}/memory.usage_in_bytes`]: '5000', [`memory/${pod}/memory.stat`]: 'total_inactive_file 2000\ntotal_rss 1000\n', [`cpuacct/${pod}/cpuacct.usage`]: '77\n',
    });
  });
  after(() => rmSync(root, { recursive: true }));

  it('writes limits of a pod and reads its use', () => {
    const cgroups = podCgroups(cgroupHierarchies(root), { cgroupRoot: '/node', podPidsLimit: -1 });
    assert.equal(cgroups.pathOf(burstable), '/node/kubepods/burstable/podu1');
    cgroups.updatePod(burstable);
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    assert.deepEqual(['cpu.shares', 'cpu.cfs_quota_us'].map((file) => read(`cpu/${pod}/${file}`)), ['256', '50000']);
    assert.equal(read(`memory/${pod}/memory.limit_in_bytes`), String(64 * 1024 * 1024));
    assert.equal(read('cpuset/node/kubepods/cpuset.cpus'), '0-1');
    assert.deepEqual(cgroups.listPods(), ['u1']);
    assert.deepEqual({ ...cgroups.podUsage('u1') }, { cpuNanos: 77, memoryBytes: 5000, workingSetBytes: 3000, rssBytes: 1000, pids: 0, pageFaults: 0, majorPageFaults: 0 });
  });
});

describe('cgroups v2', () => {
  it('hands controllers down and writes v2 files', () => {
    const root = recorded({
      'cgroup.controllers': 'cpu memory pids misc', 'cgroup.subtree_control': '', 'kubepods/burstable/podu1/cpu.weight': '', 'kubepods/burstable/podu1/cpu.max': '', 'kubepods/burstable/podu1/memory.max': '', 'kubepods/burstable/podu1/pids.max': '',
    });
    podCgroups(cgroupHierarchies(root), { cgroupRoot: '', podPidsLimit: 100 }).updatePod(burstable);
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    assert.equal(read('cgroup.subtree_control'), '+cpu +memory +pids');
    assert.deepEqual(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'].map((file) => read(`kubepods/burstable/podu1/${file}`)), ['10', '50000 100000', '67108864', '100']);
    rmSync(root, { recursive: true });
  });
  it('converts shares', () => assert.deepEqual([cpuWeight(2), cpuWeight(1024), cpuWeight(262_144)], [1, 39, 10_000]));
});
