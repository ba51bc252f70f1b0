import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContainerState, ContainerStatus, Pod } from '#api/generated/core/v1';
import { emptyPodState, type PodState } from '../runtime/pod-state.ts';
import { kubeletConditions } from './conditions.ts';
import { containerStatuses } from './container-statuses.ts';
import { podPhase, type PodPhase } from './phase.ts';

const podOf = (spec: Partial<NonNullable<Pod['spec']>>): Pod => ({ metadata: { name: 'p', namespace: 'n', uid: 'u', generation: 3 }, spec: { containers: [{ name: 'a' }, { name: 'b' }], ...spec } });
const status = (name: string, state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus => ({ name, state, ready: false, restartCount: 0, image: '', imageID: '', ...more });
const running: ContainerState = { running: {} };
const waiting: ContainerState = { waiting: {} };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });
const options = { terminal: false, hasStarted: false, isStatic: false };

describe('phase', () => {
  const two = (a: ContainerState, b: ContainerState, more: Partial<ContainerStatus> = {}) => [status('a', a, more), status('b', b, more)];
  const init = { initContainers: [{ name: 'i' }] };
  const side = { initContainers: [{ name: 's', restartPolicy: 'Always' }] };
  const cases: [string, Pod, ContainerStatus[], Partial<typeof options>, PodPhase][] = [
    ['nothing known', podOf({}), [], {}, 'Pending'],
    ['waiting', podOf({}), two(waiting, running), {}, 'Pending'],
    ['running', podOf({}), two(running, running), {}, 'Running'],
    ['one ended, one runs', podOf({ restartPolicy: 'Never' }), two(ended(1), running), {}, 'Running'],
    ['back-off', podOf({}), two(waiting, running, { lastState: ended(1) }), {}, 'Running'],
    ['all succeeded, Never', podOf({ restartPolicy: 'Never' }), two(ended(0), ended(0)), {}, 'Succeeded'],
    ['one failed, Never', podOf({ restartPolicy: 'Never' }), two(ended(0), ended(1)), {}, 'Failed'],
    ['one failed, OnFailure', podOf({ restartPolicy: 'OnFailure' }), two(ended(0), ended(1)), {}, 'Running'],
    ['all ended, Always', podOf({}), two(ended(0), ended(0)), {}, 'Running'],
    ['all ended, Always, being ended', podOf({}), two(ended(0), ended(0)), { terminal: true }, 'Succeeded'],
    ['a static pod never ends so', podOf({}), two(ended(0), ended(0)), { terminal: true, isStatic: true }, 'Running'],
    ['init runs', podOf(init), [status('i', running), ...two(waiting, waiting)], {}, 'Pending'],
    ['init failed, Never', podOf({ ...init, restartPolicy: 'Never' }), [status('i', ended(1)), ...two(waiting, waiting)], {}, 'Failed'],
    ['init failed, Always', podOf(init), [status('i', ended(1)), ...two(waiting, waiting)], {}, 'Pending'],
    ['sidecar not started', podOf(side), [status('s', running, { started: false }), ...two(waiting, waiting)], {}, 'Pending'],
    ['sidecar restarts later', podOf(side), [status('s', waiting, { lastState: ended(1) }), ...two(running, running)], { hasStarted: true }, 'Running'],
    ['sidecar goes on after the rest', podOf({ ...side, restartPolicy: 'Never' }), [status('s', running, { started: true }), ...two(ended(0), ended(0))], { hasStarted: true }, 'Running'],
    ['rules restart what Never would not', podOf({ restartPolicy: 'Never', containers: [{ name: 'a', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }] }), [status('a', ended(42))], {}, 'Running'],
  ];
  for (const [name, pod, statuses, more, expected] of cases) it(name, () => assert.equal(podPhase(pod, statuses, { ...options, ...more }), expected));
});

describe('conditions', () => {
  const verdicts = (pod: Pod, statuses: ContainerStatus[], phase: PodPhase, others: { type: string; status: string }[] = []) =>
    Object.fromEntries(kubeletConditions({ pod, state: emptyPodState('u'), statuses, phase, others }).map((condition) => [condition.type, [condition.status, condition.reason, condition.message].filter((text) => text !== undefined).join(' ')]));
  it('names what is unready and unknown', () => {
    assert.equal(verdicts(podOf({}), [status('a', running)], 'Running')['Ready'], 'False ContainersNotReady containers with unknown status: [b], containers with unready status: [a]');
  });
  it('waits for readiness gates', () => {
    const ready = [status('a', running, { ready: true }), status('b', running, { ready: true })];
    const pod = podOf({ readinessGates: [{ conditionType: 'x/y' }] });
    assert.equal(verdicts(pod, ready, 'Running')['Ready'], 'False ReadinessGatesNotReady corresponding condition of pod readiness gate "x/y" does not exist.');
    assert.deepEqual([verdicts(pod, ready, 'Running', [{ type: 'x/y', status: 'True' }])['Ready'], verdicts(pod, ready, 'Running')['ContainersReady']], ['True', 'True']);
  });
  it('ends as completed or failed', () => {
    const done = [status('a', ended(0)), status('b', ended(0))];
    assert.deepEqual([verdicts(podOf({}), done, 'Succeeded')['Ready'], verdicts(podOf({}), done, 'Failed')['ContainersReady'], verdicts(podOf({}), done, 'Succeeded')['Initialized']], ['False PodCompleted', 'False PodFailed', 'True PodCompleted']);
  });
  it('carries the generation', () => assert.ok(kubeletConditions({ pod: podOf({}), state: emptyPodState('u'), statuses: [], phase: 'Pending', others: [] }).every((condition) => condition.observedGeneration === 3)));
});

describe('container statuses', () => {
  const record = { hash: '', restartCount: 2, terminationMessagePath: '', terminationMessagePolicy: '' };
  const base = { name: 'a', sandboxId: 's', createdAtMs: 0, startedAtMs: 1_000, finishedAtMs: 2_000, exitCode: 1, reason: 'Error', message: 'm', image: 'i', imageRef: 'r', imageId: 'd', logPath: '' };
  const state = (...containers: PodState['containers']): PodState => ({ ...emptyPodState('u'), containers });
  const convert = (pod: Pod, given: PodState, previous: ContainerStatus[] = [], reason?: { reason: string; message: string }) =>
    containerStatuses({ pod, state: given, previous, runtimeName: 'containerd', reasonOf: () => reason }, pod.spec!.containers, 'regular')[0]!;
  const pod = podOf({ containers: [{ name: 'a', image: 'i' }] });

  it('shows the newest as state and the one before as last state', () => {
    const found = convert(pod, state({ ...base, id: '2', state: 'running', record }, { ...base, id: '1', state: 'exited', record: { ...record, restartCount: 1 } }));
    assert.deepEqual([found.state, found.restartCount, found.containerID], [{ running: { startedAt: '1970-01-01T00:00:01Z' } }, 2, 'containerd://2']);
    assert.deepEqual(found.lastState?.terminated, { exitCode: 1, reason: 'Error', message: 'm', startedAt: '1970-01-01T00:00:01Z', finishedAt: '1970-01-01T00:00:02Z', containerID: 'containerd://1' });
  });
  it('shows a container that cannot start again as waiting', () => {
    const found = convert(pod, state({ ...base, id: '1', state: 'exited', record }), [], { reason: 'CrashLoopBackOff', message: 'back-off' });
    assert.deepEqual([found.state?.waiting?.reason, found.lastState?.terminated?.exitCode], ['CrashLoopBackOff', 1]);
  });
  it('knows that a container which vanished had run', () => {
    const found = convert(pod, state(), [status('a', running, { restartCount: 1 })]);
    assert.deepEqual([found.lastState?.terminated?.reason, found.lastState?.terminated?.exitCode, found.restartCount], ['ContainerStatusUnknown', 137, 2]);
  });
  it('keeps an end that the runtime has forgotten', () => assert.deepEqual(convert(pod, state(), [status('a', ended(7))]).state, ended(7)));
});
