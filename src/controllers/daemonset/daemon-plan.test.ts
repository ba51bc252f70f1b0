import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSet } from '#api/generated/apps/v1';
import type { Node, Pod, Taint } from '#api/generated/core/v1';
import { byNode } from './daemon-pods.ts';
import { daemonStatus, planNodes, planUpdate, type DaemonInput } from './daemon-plan.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');

function set(rolling: { maxUnavailable?: number | string; maxSurge?: number | string } = { maxUnavailable: 1, maxSurge: 0 }, nodeSelector?: Record<string, string>): DaemonSet {
  return {
    metadata: { name: 'agent', namespace: 'default', uid: 'ds', generation: 2 },
    spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [], ...(nodeSelector && { nodeSelector }) } }, updateStrategy: { type: 'RollingUpdate', rollingUpdate: rolling } },
  };
}

const node = (name: string, taints: Taint[] = [], labels: Record<string, string> = {}): Node => ({ metadata: { name, labels }, spec: { taints } });

/** `n1:old`, `n1:new!` (not ready), `n1:new?` (Failed), `n1:new~` (being deleted). */
function pod(text: string, serial: number): Pod {
  const [, nodeName, revision, mark] = /^(\w+):(\w+)([!?~]?)$/.exec(text)!;
  const ready = mark !== '!' && mark !== '?';
  return {
    metadata: {
      name: text, uid: text, labels: { a: 'b', 'controller-revision-hash': revision! }, creationTimestamp: `2026-01-01T00:00:0${serial}Z`,
      ...(mark === '~' && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { containers: [], nodeName: nodeName! },
    status: { phase: mark === '?' ? 'Failed' : 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  };
}

const input = (pods: string, daemonSet = set(), nodes = [node('n1'), node('n2'), node('n3')]): DaemonInput =>
  ({ set: daemonSet, nodes, podsByNode: byNode(pods.split(' ').filter(Boolean).map(pod)), hash: 'new', nowMs: NOW_MS });
const names = (pods: readonly Pod[]): string => pods.map((one) => one.metadata.name).sort().join(' ');

const TAINTED = (effect: string): Node[] => [node('n1', [{ key: 'k', effect }])];
const NODES: [name: string, input: DaemonInput, create: string, remove: string, failed: string][] = [
  ['one pod for each node', input('n2:new'), 'n1 n3', '', ''],
  ['the oldest of two stays', input('n1:new n1:old n2:new n3:new'), '', 'n1:old', ''],
  ['a failed one goes first', input('n1:new? n2:new n3:new'), '', '', 'n1:new?'],
  ['one that is going is waited for', input('n1:new~ n2:new n3:new'), '', '', ''],
  ['a taint keeps new pods away', input('', set(), TAINTED('NoSchedule')), '', '', ''],
  ['but not the one that runs', input('n1:new', set(), TAINTED('NoSchedule')), '', '', ''],
  ['NoExecute drives it out', input('n1:new', set(), TAINTED('NoExecute')), '', 'n1:new', ''],
  ['a node in trouble keeps its pod', input('', set(), [node('n1', [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }])]), 'n1', '', ''],
  ['a node that no longer matches', input('n1:new', set(undefined, { disk: 'ssd' }), [node('n1')]), '', 'n1:new', ''],
  ['with surge a second one may be there', input('n1:old n1:new! n2:new n3:new', set({ maxSurge: 1 })), '', '', ''],
  ['until it is available', input('n1:old n1:new n2:new n3:new', set({ maxSurge: 1 })), '', 'n1:old', ''],
];
for (const [name, given, create, remove, failed] of NODES) {
  test(`nodes: ${name}`, () => {
    const plan = planNodes(given);
    assert.deepEqual([plan.createOn.join(' '), names(plan.remove), names(plan.failed.map((one) => one.pod))], [create, remove, failed]);
  });
}

const UPDATES: [name: string, input: DaemonInput, remove: string, create: string][] = [
  ['one at a time', input('n1:old n2:old n3:old'), 'n1:old', ''],
  ['half of the nodes, rounded up', input('n1:old n2:old n3:old', set({ maxUnavailable: '50%' })), 'n1:old n2:old', ''],
  ['the next only when the new one is there', input('n1:new! n2:old n3:old'), '', ''],
  ['those that do not work anyway go at once', input('n1:old! n2:old! n3:old'), 'n1:old! n2:old!', ''],
  ['nothing allowed still means one', input('n1:old n2:old n3:old', set({ maxUnavailable: 0 })), 'n1:old', ''],
  ['surge: a new one beside the old', input('n1:old n2:old n3:old', set({ maxSurge: 1 })), '', 'n1'],
  ['surge: not more at a time', input('n1:old n1:new! n2:old n3:old', set({ maxSurge: 1 })), '', ''],
  ['surge: the old one goes when the new one is available', input('n1:old n1:new n2:old n3:old', set({ maxSurge: 1 })), 'n1:old', 'n2'],
  ['on delete', input('n1:old n2:old n3:old', { ...set(), spec: { ...set().spec!, updateStrategy: { type: 'OnDelete' } } }), '', ''],
];
for (const [name, given, remove, create] of UPDATES) {
  test(`update: ${name}`, () => {
    const plan = planUpdate(given);
    assert.deepEqual([names(plan.remove), plan.createOn.join(' ')], [remove, create]);
  });
}

test('status', () => {
  const { desiredNumberScheduled, currentNumberScheduled, numberMisscheduled, numberReady, updatedNumberScheduled, numberUnavailable } =
    daemonStatus(input('n1:old n2:new! t1:new', set(), [node('n1'), node('n2'), node('n3'), node('t1', [{ key: 'k', effect: 'NoSchedule' }])]));
  assert.deepEqual({ desiredNumberScheduled, currentNumberScheduled, numberMisscheduled, numberReady, updatedNumberScheduled, numberUnavailable },
    { desiredNumberScheduled: 3, currentNumberScheduled: 2, numberMisscheduled: 1, numberReady: 1, updatedNumberScheduled: 1, numberUnavailable: 2 });
});
