import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Container, Pod, PodStatus } from '#api/generated/core/v1';
import { CriError } from '../cri/contract.ts';
import { createPodWorld, type PodWorld } from './testing/pod-world.ts';

const worlds: PodWorld[] = [];
afterEach(async () => { for (const made of worlds.splice(0)) await made.stop(); });
function world(): PodWorld {
  const made = createPodWorld();
  worlds.push(made);
  return made;
}

const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'app:1', imagePullPolicy: 'IfNotPresent', ...more });
const podOf = (spec: Partial<NonNullable<Pod['spec']>>, metadata: Partial<Pod['metadata']> = {}): Pod =>
  ({ metadata: { name: 'p', namespace: 'ns', uid: 'u1', ...metadata }, spec: { containers: [container('main')], terminationGracePeriodSeconds: 30, ...spec } });
const condition = (status: PodStatus, type: string): string | undefined => status.conditions?.find((entry) => entry.type === type)?.status;

describe('pod life', () => {
  it('starts init containers in order, sidecars stay, then the rest', async () => {
    const w = world();
    w.run(podOf({ initContainers: [container('i1'), container('side', { restartPolicy: 'Always' }), container('i2')], containers: [container('a'), container('b')] }));
    await w.clock.advance(100);
    assert.deepEqual(w.calls(), ['runPodSandbox:p', 'createContainer:i1', 'startContainer:i1']);
    assert.deepEqual([w.status().phase, w.status().containerStatuses?.[0]?.state?.waiting?.reason, condition(w.status(), 'Initialized')], ['Pending', 'PodInitializing', 'False']);
    w.runtime.exit(w.id('i1'), 0);
    await w.clock.advance(100);
    assert.deepEqual(w.calls().filter((call) => call.startsWith('start')), ['startContainer:side', 'startContainer:i2']);
    w.runtime.exit(w.id('i2'), 0);
    await w.clock.advance(100);
    assert.deepEqual(w.calls().filter((call) => call.startsWith('start')), ['startContainer:a', 'startContainer:b']);
    assert.deepEqual([w.status().phase, condition(w.status(), 'Ready'), condition(w.status(), 'Initialized')], ['Running', 'True', 'True']);
    w.runtime.exit(w.id('side'), 1);
    await w.clock.advance(100);
    assert.deepEqual(w.calls().filter((call) => call.startsWith('start')), ['startContainer:side']);
  });

  it('fails for good when an init container fails under Never', async () => {
    const w = world();
    w.run(podOf({ restartPolicy: 'Never', initContainers: [container('i1')] }));
    await w.clock.advance(100);
    w.runtime.exit(w.id('i1'), 2);
    await w.clock.advance(1_000);
    assert.equal(w.status().phase, 'Failed');
    assert.ok(w.workers.isFinished('u1'));
  });

  it('backs off 10 s, 20 s, … 5 min and starts over after a quiet time', async () => {
    const w = world();
    w.run(podOf({}));
    await w.clock.advance(100);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = w.runtime.containers.size;
      w.runtime.exit(w.id('main'), 1);
      const endedMs = w.clock.now();
      while (w.runtime.containers.size === before) await w.clock.advance(500);
      waits.push(Math.round((w.clock.now() - endedMs) / 1000));
      await w.clock.advance(100);
    }
    assert.deepEqual(waits.map((seconds) => Math.round(seconds / 10) * 10), [0, 10, 20, 40, 80, 160, 300, 300]);
    await w.clock.advance(601_000);
    const before = w.runtime.containers.size;
    w.runtime.exit(w.id('main'), 1);
    await w.clock.advance(500);
    assert.equal(w.runtime.containers.size, before + 1);
    assert.equal(w.status().containerStatuses?.[0]?.restartCount, 9);
    assert.ok(w.events.includes('spec.containers{main} BackOff: Back-off restarting failed container main in pod p_ns(u1)'));
  });

  const endings: [string, 'Always' | 'OnFailure' | 'Never', number, string, number][] = [
    ['Always restarts after success', 'Always', 0, 'Running', 2], ['OnFailure ends after success', 'OnFailure', 0, 'Succeeded', 1],
    ['OnFailure restarts after failure', 'OnFailure', 3, 'Running', 2], ['Never ends after failure', 'Never', 3, 'Failed', 1],
  ];
  for (const [name, restartPolicy, exitCode, phase, containers] of endings) {
    it(name, async () => {
      const w = world();
      w.run(podOf({ restartPolicy }));
      await w.clock.advance(100);
      w.runtime.exit(w.id('main'), exitCode);
      await w.clock.advance(2_000);
      assert.deepEqual([w.status().phase, w.runtime.containers.size], [phase, containers]);
    });
  }

  it('ends within the grace period: sidecars last, hooks out of the same budget', async () => {
    const w = world();
    w.runtime.stopSeconds = 100;
    w.runtime.onExec = async () => { await w.clock.sleep(4_000); return { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 0 }; };
    const pod = podOf({ initContainers: [container('side', { restartPolicy: 'Always' })], containers: [container('main', { lifecycle: { preStop: { exec: { command: ['bye'] } } } })] });
    w.run(pod);
    await w.clock.advance(100);
    w.calls();
    w.run({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 10 } });
    await w.clock.advance(30_000);
    assert.deepEqual(w.calls(), ['execSync:bye', 'stopContainer:main:6', 'stopContainer:side:2', 'stopPodSandbox:sandbox0001']);
    assert.ok(w.workers.isFinished('u1'));
    assert.equal(w.status().containerStatuses?.[0]?.state?.terminated?.exitCode, 137);
  });

  it('a shorter grace period interrupts a longer one', async () => {
    const w = world();
    w.runtime.stopSeconds = 1_000;
    const pod = podOf({});
    w.run(pod);
    await w.clock.advance(100);
    w.run({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'x', deletionGracePeriodSeconds: 600 } });
    await w.clock.advance(5_000);
    w.run({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'x', deletionGracePeriodSeconds: 0 } });
    await w.clock.advance(3_000);
    assert.ok(w.workers.isFinished('u1'));
  });

  it('runs a preStop hook once, also when the grace period is cut short', async () => {
    const w = world();
    w.runtime.stopSeconds = 1_000;
    const pod = podOf({ containers: [container('main', { lifecycle: { preStop: { exec: { command: ['bye'] } } } })] });
    w.run(pod);
    await w.clock.advance(100);
    w.calls();
    w.run({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'x', deletionGracePeriodSeconds: 600 } });
    await w.clock.advance(5_000);
    w.run({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'x', deletionGracePeriodSeconds: 5 } });
    await w.clock.advance(10_000);
    assert.deepEqual(w.calls(), ['execSync:bye', 'stopContainer:main:600', 'stopContainer:main:5', 'stopPodSandbox:sandbox0001']);
  });

  it('a failed postStart hook kills the container', async () => {
    const w = world();
    w.runtime.onExec = () => ({ stdout: Buffer.from('no'), stderr: Buffer.alloc(0), exitCode: 1 });
    w.run(podOf({ containers: [container('main', { lifecycle: { postStart: { exec: { command: ['hi'] } } } })] }));
    await w.clock.advance(1_000);
    assert.ok(w.events.includes('spec.containers{main} FailedPostStartHook: PostStartHook failed'));
    assert.equal([...w.runtime.containers.values()][0]!.status.state, 'CONTAINER_EXITED');
  });

  it('gates on the startup probe, then on readiness; liveness restarts', async () => {
    const w = world();
    const answers: Record<string, number> = { up: 1, ok: 1, live: 0 };
    w.runtime.onExec = (_id, [command]) => ({ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: answers[command!]! });
    const exec = (command: string, more: object = {}) => ({ exec: { command: [command] }, periodSeconds: 2, failureThreshold: 5, ...more });
    w.run(podOf({ containers: [container('main', { startupProbe: exec('up'), readinessProbe: exec('ok'), livenessProbe: exec('live', { failureThreshold: 1 }) })] }));
    await w.clock.advance(3_000);
    assert.deepEqual([w.status().containerStatuses?.[0]?.started, condition(w.status(), 'Ready')], [false, 'False']);
    assert.ok(!w.calls().includes('execSync:ok'));
    answers['up'] = 0;
    await w.clock.advance(3_000);
    assert.deepEqual([w.status().containerStatuses?.[0]?.started, condition(w.status(), 'Ready')], [true, 'False']);
    answers['ok'] = 0;
    await w.clock.advance(3_000);
    assert.equal(condition(w.status(), 'Ready'), 'True');
    answers['live'] = 1;
    await w.clock.advance(3_000);
    assert.ok((w.status().containerStatuses?.[0]?.restartCount ?? 0) >= 1);
    assert.ok(w.events.includes('spec.containers{main} Killing: Container main failed liveness probe, will be restarted'));
  });

  it('backs off between restarts for liveness', async () => {
    const w = world();
    w.runtime.onExec = () => ({ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 1 });
    w.run(podOf({ containers: [container('main', { livenessProbe: { exec: { command: ['live'] }, periodSeconds: 1, failureThreshold: 2 } })] }));
    await w.clock.advance(300_000);
    const restarts = w.status().containerStatuses?.[0]?.restartCount ?? 0;
    assert.ok(restarts >= 4 && restarts <= 8, `${restarts} restarts in 5 minutes`);
    assert.ok(w.events.includes('spec.containers{main} BackOff: Back-off restarting failed container main in pod p_ns(u1)'));
  });

  it('pulls, backs off, and says why', async () => {
    const w = world();
    w.run(podOf({ containers: [container('main', { image: 'far:2' })] }));
    await w.clock.advance(1_000);
    assert.equal(w.status().containerStatuses?.[0]?.state?.waiting?.reason, 'ErrImagePull');
    await w.clock.advance(12_000);
    w.runtime.registry.add('far:2');
    await w.clock.advance(30_000);
    assert.equal(w.status().phase, 'Running');
    assert.ok(w.events.some((text) => text.startsWith('spec.containers{main} Pulled: Successfully pulled image "far:2" in ')));
  });

  it('makes a new sandbox when the old one is gone', async () => {
    const w = world();
    w.run(podOf({}));
    await w.clock.advance(100);
    await w.runtime.stopPodSandbox('sandbox0001');
    w.workers.poke('u1');
    await w.clock.advance(20_000);
    assert.equal(w.runtime.sandboxes.size, 2);
    assert.equal(w.status().phase, 'Running');
    assert.ok(w.events.includes('SandboxChanged: Pod sandbox changed, it will be killed and re-created.'));
  });

  it('keeps trying when the sandbox cannot be made', async () => {
    const w = world();
    w.runtime.failures.set('runPodSandbox', new CriError('unknown', 'failed to setup network'));
    w.run(podOf({}));
    await w.clock.advance(1_000);
    assert.ok(w.events.includes('FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network'));
    w.runtime.failures.clear();
    await w.clock.advance(20_000);
    assert.equal(w.status().phase, 'Running');
  });

  it('does not try faster because failing tries make noise', async () => {
    const w = world();
    w.runtime.failures.set('runPodSandbox', new CriError('unknown', 'no'));
    w.run(podOf({}));
    for (let i = 0; i < 100; i++) { await w.clock.advance(100); w.workers.poke('u1'); }
    assert.ok(w.calls().filter((call) => call.startsWith('runPodSandbox')).length <= 11);
  });

  it('ends at the active deadline', async () => {
    const w = world();
    w.run(podOf({ activeDeadlineSeconds: 20, restartPolicy: 'Never' }));
    await w.clock.advance(10_000);
    assert.equal(w.status().phase, 'Running');
    await w.clock.advance(15_000);
    assert.deepEqual([w.status().phase, w.status().reason], ['Failed', 'DeadlineExceeded']);
  });

  it('starts ephemeral containers once', async () => {
    const w = world();
    const pod = podOf({});
    w.run(pod);
    await w.clock.advance(100);
    w.run({ ...pod, spec: { ...pod.spec!, ephemeralContainers: [{ name: 'debug', image: 'app:1', imagePullPolicy: 'IfNotPresent', targetContainerName: 'main' }] } });
    await w.clock.advance(100);
    w.runtime.exit(w.id('debug'), 1);
    await w.clock.advance(60_000);
    assert.equal(w.status().ephemeralContainerStatuses?.[0]?.state?.terminated?.exitCode, 1);
    assert.equal([...w.runtime.containers.values()].filter((entry) => entry.config.metadata.name === 'debug').length, 1);
    assert.equal([...w.runtime.containers.values()].find((entry) => entry.config.metadata.name === 'debug')!.config.linux.securityContext.namespaceOptions.targetId, 'container0002');
  });

  it('resizes in place, or with a restart where the policy says so', async () => {
    const w = world();
    const sized = (cpu: string, memory: string): Pod => podOf({ containers: [container('main', {
      resources: { requests: { cpu, memory }, limits: { cpu, memory } }, resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
    })] });
    w.run(sized('500m', '64Mi'));
    await w.clock.advance(100);
    w.calls();
    w.run(sized('1', '64Mi'));
    await w.clock.advance(100);
    assert.deepEqual(w.calls(), ['updateContainerResources:container0002']);
    assert.deepEqual(w.status().containerStatuses?.[0]?.resources?.limits, { cpu: '1', memory: '64Mi' });
    assert.equal(w.status().containerStatuses?.[0]?.restartCount, 0);
    w.run(sized('1', '128Mi'));
    await w.clock.advance(1_000);
    assert.equal(w.status().containerStatuses?.[0]?.restartCount, 1);
    assert.ok(w.events.includes('spec.containers{main} Killing: Container main resize requires restart, will be restarted'));
  });
});
