import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import type { Pod } from '#api/generated/core/v1';
import { kubeletConfig } from '../config.ts';
import { createEvictionManager } from './eviction-manager.ts';
import { evictionOrder } from './eviction-ranking.ts';
import { hasStorageLimit, storageExcess } from './local-storage.ts';
import type { Signals } from './signals.ts';

const podOf = (name: string, memory: string | undefined, priority = 0): Pod => ({
  metadata: { name, namespace: 'n', uid: name }, spec: { priority, containers: [{ name: 'c', ...(memory === undefined ? {} : { resources: { requests: { memory } } }) }] },
});
const Mi = 1024 * 1024;

describe('eviction order', () => {
  it('takes who exceeds its request, then the lower priority, then the larger excess', () => {
    const use = (pod: Pod, mebibytes: number) => ({ pod, memoryBytes: mebibytes * Mi, diskBytes: 0, pids: 0 });
    const order = evictionOrder([use(podOf('within', '100Mi'), 90), use(podOf('little', '10Mi'), 20), use(podOf('much', undefined), 50), use(podOf('important', undefined, 100), 500)], 'memory');
    assert.deepEqual(order.map(({ pod }) => pod.metadata.name), ['much', 'little', 'important', 'within']);
  });
});

describe('eviction manager', () => {
  it('reports pressure, ends one pod, and forgets pressure after a while', async () => {
    const clock = new VirtualClock();
    const killed: string[] = [];
    let signals: Signals = { 'memory.available': { available: 50 * Mi, capacity: 1000 * Mi } };
    let changes = 0;
    const pods = [podOf('a', '500Mi'), podOf('b', undefined), podOf('critical', undefined, 2_000_001_000)];
    const manager = createEvictionManager({
      config: kubeletConfig({ nodeName: 'n1', nodeIps: [] }), clock, log: silentLogger, recorder: { event: () => undefined }, signals: async () => signals, pods: () => pods,
      podUsage: () => ({ cpuNanos: 0, memoryBytes: 0, workingSetBytes: 100 * Mi, rssBytes: 0, pids: 1, pageFaults: 0, majorPageFaults: 0 }),
      kill: async (pod, request) => { killed.push(`${pod.metadata.name}: ${request.failure?.message}`); }, collectImages: async () => 0, onChange: () => { changes++; }, onEvicted: () => undefined, overLimit: async () => [],
    });
    const signal = new AbortController().signal;
    await manager.check(signal);
    assert.deepEqual([...manager.pressures()], ['MemoryPressure']);
    assert.deepEqual(killed, ['b: The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container c was using 100Mi, request is 0, has larger consumption of memory. ']);
    signals = { 'memory.available': { available: 500 * Mi, capacity: 1000 * Mi } };
    await clock.advance(60_000);
    await manager.check(signal);
    assert.equal(manager.pressures().size, 1);
    await clock.advance(300_000);
    await manager.check(signal);
    assert.equal(manager.pressures().size, 0);
    assert.deepEqual([changes, killed.length], [2, 1]);
  });
});

describe('local storage', () => {
  const pod: Pod = { metadata: { name: 'p', uid: 'p' }, spec: { volumes: [{ name: 'd', emptyDir: { sizeLimit: '1Mi' } }], containers: [{ name: 'c', resources: { limits: { 'ephemeral-storage': '4Mi' } } }] } };
  const cases: [string, Map<string, number>, Map<string, number>, string | undefined][] = [
    ['within', new Map([['d', Mi]]), new Map([['c', Mi]]), undefined],
    ['an emptyDir', new Map([['d', Mi + 1]]), new Map(), 'Usage of EmptyDir volume "d" exceeds the limit "1Mi". '],
    ['everything', new Map([['d', Mi]]), new Map([['c', 4 * Mi]]), 'Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. '],
  ];
  for (const [name, emptyDirs, containers, expected] of cases) it(name, () => assert.equal(storageExcess(pod, { emptyDirs, containers }), expected));
  it('measures only who has a limit', () => assert.deepEqual([hasStorageLimit(pod), hasStorageLimit(podOf('x', '1Mi'))], [true, false]));
});
