import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, Service } from '#api/generated/core/v1';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import { planSlices, type SliceOutput } from './slice-plan.ts';

const NODE: Node = { metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z' } } };

function service(extra: Partial<NonNullable<Service['spec']>> = {}): Service {
  return { metadata: { name: 'svc', namespace: 'default', uid: 's' }, spec: { clusterIP: '10.96.0.9', ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }], selector: { app: 'web' }, ...extra } };
}

function pod(i: number, ready = true, extra: Partial<Pod['metadata']> = {}): Pod {
  return {
    metadata: { name: `p${i}`, namespace: 'default', uid: `u${i}`, ...extra }, spec: { containers: [], nodeName: 'n' },
    status: { phase: 'Running', podIP: `10.0.0.${i}`, podIPs: [{ ip: `10.0.0.${i}` }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const pods = (from: number, to: number): Pod[] => Array.from({ length: to - from + 1 }, (_, i) => pod(from + i));
const plan = (input: { service?: Service; pods: Pod[]; existing?: EndpointSlice[]; max?: number }): SliceOutput =>
  planSlices({ service: input.service ?? service(), pods: input.pods, existing: input.existing ?? [], maxPerSlice: input.max ?? 100, nodeOf: () => NODE });

/** The slices after the plan is carried out. */
function applied(output: SliceOutput, existing: EndpointSlice[] = []): EndpointSlice[] {
  const gone = new Set(output.delete.map((slice) => slice.metadata.name));
  const changed = new Map(output.update.map((slice) => [slice.metadata.name, slice]));
  const kept = existing.filter((slice) => !gone.has(slice.metadata.name)).map((slice) => changed.get(slice.metadata.name) ?? slice);
  return [...kept, ...output.create.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `new${i}` } }))];
}
const counts = (slices: EndpointSlice[]): number[] => slices.map((slice) => (slice.endpoints ?? []).length);

test('a service without pods has one empty slice, and keeps it', () => {
  const first = applied(plan({ pods: [] }));
  assert.deepEqual(counts(first), [0]);
  const again = plan({ pods: [], existing: first });
  assert.deepEqual([again.create.length, again.update.length, again.delete.length], [0, 0, 0]);
});

test('the empty slice is reused for the first endpoint', () => {
  const empty = applied(plan({ pods: [] }));
  const output = plan({ pods: [pod(1)], existing: empty });
  assert.deepEqual([output.create.length, output.update.length, output.delete.length], [0, 1, 0]);
  assert.deepEqual(output.update[0]!.endpoints![0], {
    addresses: ['10.0.0.1'], conditions: { ready: true, serving: true, terminating: false }, nodeName: 'n', zone: 'z', targetRef: { kind: 'Pod', namespace: 'default', name: 'p1', uid: 'u1' },
  });
});

test('slices fill up, and the rest goes where it fits best', () => {
  const first = applied(plan({ pods: pods(1, 7), max: 5 }));
  assert.deepEqual(counts(first), [5, 2]);
  const second = applied(plan({ pods: pods(1, 9), existing: first, max: 5 }), first);
  assert.deepEqual(counts(second), [5, 4]);
  const third = applied(plan({ pods: pods(1, 20), existing: second, max: 5 }), second);
  assert.equal(counts(third).reduce((a, b) => a + b), 20);
});

test('a slice that loses endpoints is refilled before another is made', () => {
  const first = applied(plan({ pods: pods(1, 10), max: 5 }));
  const output = plan({ pods: [...pods(4, 10), ...pods(11, 12)], existing: first, max: 5 });
  assert.deepEqual([output.create.length, output.update.length, output.delete.length], [0, 1, 0]);
});

const CONDITIONS: [name: string, pod: Pod, publish: boolean, expect: string][] = [
  ['not ready', pod(1, false), false, 'false,false,false'],
  ['not ready, published', pod(1, false), true, 'true,false,false'],
  ['terminating but serving', pod(1, true, { deletionTimestamp: 't' }), false, 'false,true,true'],
];
for (const [name, one, publishNotReadyAddresses, expect] of CONDITIONS) {
  test(`conditions: ${name}`, () => {
    const { conditions } = plan({ service: service({ publishNotReadyAddresses }), pods: [one] }).create[0]!.endpoints![0]!;
    assert.equal([conditions!.ready, conditions!.serving, conditions!.terminating].join(), expect);
  });
}

test('named ports that differ by pod make a slice for each number', () => {
  const named = service({ ports: [{ name: 'http', port: 80, targetPort: 'web' }] });
  const withPort = (one: Pod, containerPort: number): Pod => ({ ...one, spec: { ...one.spec!, containers: [{ name: 'c', ports: [{ name: 'web', containerPort }] }] } });
  assert.deepEqual(plan({ service: named, pods: [withPort(pod(1), 1000), withPort(pod(2), 2000)] }).create.map((slice) => slice.ports![0]!.port), [1000, 2000]);
});

test('traffic for the same zone gives hints, and takes them back', () => {
  const close = applied(plan({ service: service({ trafficDistribution: 'PreferSameNode' }), pods: [pod(1)] }));
  assert.deepEqual(close[0]!.endpoints![0]!.hints, { forZones: [{ name: 'z' }], forNodes: [{ name: 'n' }] });
  assert.equal(plan({ pods: [pod(1)], existing: close }).update[0]!.endpoints![0]!.hints, undefined);
});
