import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { CriError } from '../cri/contract.ts';
import { createFakeRuntime } from '../cri/testing/fake-runtime.ts';
import { sandboxConfigOf } from '../cri/testing/runtime-contract.ts';
import { createPleg } from './pleg.ts';

describe('PLEG', () => {
  it('names pods that changed, sooner with a hint, and knows when it cannot list', async () => {
    const clock = new VirtualClock();
    const runtime = createFakeRuntime(clock);
    const changed: string[] = [];
    let hint = (): void => undefined;
    const pleg = createPleg({
      runtime, clock, log: silentLogger, relistMs: 1_000, relistWithEventsMs: 60_000, onPodChanged: (uid) => changed.push(uid),
      watchEvents: async (onHint, onConnected) => { hint = onHint; onConnected(true); },
    });
    const stop = new AbortController();
    pleg.start(stop.signal);
    await clock.advance(100);
    const config = sandboxConfigOf({ logDirectory: '/l', cgroupParent: '/c' }, 'a');
    Object.assign(config.labels, { 'io.kubernetes.pod.uid': 'u1', 'io.kubernetes.pod.namespace': 'n' });
    const id = await runtime.runPodSandbox(config);
    await clock.advance(5_000);
    assert.deepEqual(changed, []); // events flow: the list is taken rarely
    hint();
    await clock.advance(20);
    assert.deepEqual(changed, ['u1']);
    await runtime.stopPodSandbox(id);
    await clock.advance(61_000);
    assert.deepEqual(changed, ['u1', 'u1']);
    await clock.advance(61_000);
    assert.equal(changed.length, 2);
    runtime.failures.set('listPodSandboxes', new CriError('unavailable', 'down'));
    await clock.advance(300_000);
    assert.match(pleg.fault() ?? '', /^PLEG is not healthy: pleg was last seen active \d+s ago; threshold is 3m0s$/);
    runtime.failures.clear();
    await clock.advance(61_000);
    assert.equal(pleg.fault(), undefined);
    stop.abort();
  });
});
