/**
 * The kubelet dies at each call that changes the runtime, before it took effect or after; the next one must end with exactly what
 * the pod asks for.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import type { RuntimeService } from '../cri/contract.ts';
import type { FakeRuntime } from '../cri/testing/fake-runtime.ts';
import { createMachine, createPodWorld } from './testing/pod-world.ts';

const MUTATING: ReadonlySet<string> = new Set(['runPodSandbox', 'createContainer', 'startContainer', 'stopContainer', 'removeContainer', 'stopPodSandbox', 'removePodSandbox']);

interface Door { runtime: RuntimeService; crashed(): boolean; die(): void }

/** Lets calls through up to the crash; afterwards nothing ever answers. */
function crashingDoor(fake: FakeRuntime, crashAt: number, takesEffect: boolean): Door {
  let count = 0;
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const runtime = new Proxy(fake, {
    get: (target, name: string) => {
      const method = target[name as keyof FakeRuntime];
      if (typeof method !== 'function') return method;
      return (...args: unknown[]): unknown => {
        if (dead) return never;
        if (MUTATING.has(name) && ++count === crashAt) {
          dead = true;
          if (takesEffect) void (method as (...given: unknown[]) => Promise<unknown>)(...args);
          return never;
        }
        return (method as (...given: unknown[]) => unknown)(...args);
      };
    },
  });
  return { runtime, crashed: () => dead, die: () => { dead = true; } };
}

const image = { image: 'app:1', imagePullPolicy: 'IfNotPresent' };
const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u1' },
  spec: { terminationGracePeriodSeconds: 2, initContainers: [{ name: 'init', ...image }, { name: 'side', restartPolicy: 'Always', ...image }], containers: [{ name: 'a', ...image }, { name: 'b', ...image }] },
};
const deleted: Pod = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'x', deletionGracePeriodSeconds: 2 } };

/** Init containers finish by themselves. */
function finishInit(fake: FakeRuntime): void {
  for (const container of fake.containers.values()) if (container.config.metadata.name === 'init' && container.status.state === 'CONTAINER_RUNNING') fake.exit(container.status.id, 0);
}

function running(fake: FakeRuntime): string[] {
  return [...fake.containers.values()].filter((container) => container.status.state === 'CONTAINER_RUNNING').map((container) => container.config.metadata.name).sort();
}

describe('a kubelet that dies', () => {
  for (const takesEffect of [false, true]) {
    it(`while a pod starts, ${takesEffect ? 'after' : 'before'} each call took effect`, async () => {
      for (let crashAt = 1; ; crashAt++) {
        const machine = createMachine();
        const door = crashingDoor(machine.fake, crashAt, takesEffect);
        const first = createPodWorld(machine, door.runtime);
        const live = async (seconds: number): Promise<void> => { for (let i = 0; i < seconds; i++) { await machine.clock.advance(1_000); finishInit(machine.fake); } };
        first.run(pod);
        await live(5);
        const crashed = door.crashed();
        door.die();
        const second = createPodWorld(machine);
        second.run(pod);
        await live(30);
        await second.housekeep();
        assert.deepEqual(running(machine.fake), ['a', 'b', 'side'], `crash at call ${crashAt}`);
        assert.equal([...machine.fake.sandboxes.values()].filter((sandbox) => sandbox.status.state === 'SANDBOX_READY').length, 1);
        assert.ok([...machine.fake.containers.values()].every((container) => container.status.state !== 'CONTAINER_CREATED'), `nothing half-made after crash at call ${crashAt}`);
        assert.equal(second.status().phase, 'Running');
        await second.stop();
        if (!crashed) { assert.ok(crashAt > 8); return; }
      }
    });

    it(`while a pod ends, ${takesEffect ? 'after' : 'before'} each call took effect`, async () => {
      for (let crashAt = 1; ; crashAt++) {
        const machine = createMachine();
        const starter = createPodWorld(machine);
        starter.run(pod);
        for (let i = 0; i < 5; i++) { await machine.clock.advance(1_000); finishInit(machine.fake); }
        await starter.stop();
        const door = crashingDoor(machine.fake, crashAt, takesEffect);
        const first = createPodWorld(machine, door.runtime);
        first.run(deleted);
        await machine.clock.advance(20_000);
        const crashed = door.crashed();
        door.die();
        const second = createPodWorld(machine);
        second.run(deleted);
        await machine.clock.advance(30_000);
        assert.deepEqual(running(machine.fake), []);
        assert.ok(second.workers.isFinished('u1'));
        await second.stop();
        const third = createPodWorld(machine); // the pod is gone from the API
        await third.housekeep();
        await machine.clock.advance(1_000);
        await third.housekeep();
        assert.deepEqual([machine.fake.sandboxes.size, machine.fake.containers.size], [0, 0], `crash at call ${crashAt}`);
        await third.stop();
        if (!crashed) { assert.ok(crashAt > 3); return; }
      }
    });
  }
});
