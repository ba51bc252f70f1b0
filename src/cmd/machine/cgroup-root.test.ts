import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCgroupMounts } from './cgroup-root.ts';

test('one hierarchy (v2)', () => {
  assert.deepEqual(parseCgroupMounts('cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n'), [{ path: '/sys/fs/cgroup', version: 2, options: '' }]);
});

test('a hierarchy for each controller, one named, one unified (v1, hybrid)', () => {
  const mounts = [
    'tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0',
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,relatime,cpu,cpuacct 0 0',
    'cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0',
    'cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0',
    'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0',
    'tmpfs /run tmpfs rw 0 0',
  ];
  assert.deepEqual(parseCgroupMounts(mounts.join('\n')), [
    { path: '/sys/fs/cgroup/cpu,cpuacct', version: 1, options: 'cpu,cpuacct' },
    { path: '/sys/fs/cgroup/memory', version: 1, options: 'memory' },
    { path: '/sys/fs/cgroup/systemd', version: 1, options: 'none,name=systemd' },
    { path: '/sys/fs/cgroup/unified', version: 2, options: '' },
  ]);
});
