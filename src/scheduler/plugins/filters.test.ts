import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/generated/core/v1';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { cycle, node, pod, requesting } from '../testing/world.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { resourcesFit } from './resources-fit.ts';
import { taintToleration } from './taint-toleration.ts';
import { topologySpread } from './topology-spread.ts';

interface Case { name: string; plugin: SchedulerPlugin; nodes: Node[]; placed?: Pod[]; incoming: Pod; expect: Record<string, string> }

const onNode = (made: Pod, name: string): Pod => ({ ...made, spec: { ...made.spec!, nodeName: name } });
const zoned = (name: string, zone: string): Node => node(name, { labels: { 'topology.kubernetes.io/zone': zone } });
const affinity = interPodAffinity(() => undefined);
const spread = topologySpread(() => undefined);
const hostPort = (name: string, port: number, hostIP?: string): Pod => pod(name, { containers: [{ name: 'c', image: 'a', ports: [{ containerPort: 80, hostPort: port, ...(hostIP === undefined ? {} : { hostIP }) }] }] });
const near = (kind: 'podAffinity' | 'podAntiAffinity', app: string, topologyKey = 'kubernetes.io/hostname') => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: { matchLabels: { app } } }] } },
});

const CASES: Case[] = [
  { name: 'a named node', plugin: nodeName, nodes: [node('a'), node('b')], incoming: pod('p', { nodeName: 'b' }), expect: { a: "node(s) didn't match the requested node name", b: 'fits' } },
  { name: 'a cordoned node', plugin: nodeUnschedulable, nodes: [node('a', { unschedulable: true })], incoming: pod('p'), expect: { a: 'node(s) were unschedulable' } },
  { name: 'a cordoned node, tolerated', plugin: nodeUnschedulable, nodes: [node('a', { unschedulable: true })], incoming: pod('p', { tolerations: [{ operator: 'Exists' }] }), expect: { a: 'fits' } },
  { name: 'a taint', plugin: taintToleration, nodes: [node('a', { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] })], incoming: pod('p'), expect: { a: 'node(s) had untolerated taint(s)' } },
  { name: 'a taint, tolerated by value', plugin: taintToleration, nodes: [node('a', { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] })], incoming: pod('p', { tolerations: [{ key: 'k', value: 'v' }] }), expect: { a: 'fits' } },
  { name: 'PreferNoSchedule does not filter', plugin: taintToleration, nodes: [node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] })], incoming: pod('p'), expect: { a: 'fits' } },
  { name: 'node selector', plugin: nodeAffinity, nodes: [node('a', { labels: { disk: 'ssd' } }), node('b')], incoming: pod('p', { nodeSelector: { disk: 'ssd' } }), expect: { a: 'fits', b: "node(s) didn't match Pod's node affinity/selector" } },
  {
    name: 'matchFields leave the others out', plugin: nodeAffinity, nodes: [node('a'), node('b')],
    incoming: pod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }] } } } }), expect: { a: 'left out', b: 'fits' },
  },
  { name: 'a host port that is taken', plugin: nodePorts, nodes: [node('a'), node('b')], placed: [onNode(hostPort('q', 80), 'a')], incoming: hostPort('p', 80), expect: { a: "node(s) didn't have free ports for the requested pod ports", b: 'fits' } },
  { name: 'one port on two addresses', plugin: nodePorts, nodes: [node('a')], placed: [onNode(hostPort('q', 80, '10.0.0.1'), 'a')], incoming: hostPort('p', 80, '10.0.0.2'), expect: { a: 'fits' } },
  { name: 'too little cpu', plugin: resourcesFit, nodes: [node('a', { cpu: '2' })], placed: [onNode(requesting('q', '1500m'), 'a')], incoming: requesting('p', '600m'), expect: { a: 'Insufficient cpu' } },
  { name: 'exactly enough cpu', plugin: resourcesFit, nodes: [node('a', { cpu: '2' })], placed: [onNode(requesting('q', '1500m'), 'a')], incoming: requesting('p', '500m'), expect: { a: 'fits' } },
  { name: 'too many pods', plugin: resourcesFit, nodes: [node('a', { pods: '1' })], placed: [onNode(pod('q'), 'a')], incoming: pod('p'), expect: { a: 'Too many pods' } },
  { name: 'apart from its like', plugin: affinity, nodes: [node('a'), node('b')], placed: [onNode(pod('q', {}, { app: 'x' }), 'a')], incoming: pod('p', near('podAntiAffinity', 'x')), expect: { a: "node(s) didn't match pod anti-affinity rules", b: 'fits' } },
  { name: 'kept apart by one that is there', plugin: affinity, nodes: [node('a'), node('b')], placed: [onNode(pod('q', near('podAntiAffinity', 'x')), 'a')], incoming: pod('p', {}, { app: 'x' }), expect: { a: "node(s) didn't satisfy existing pods anti-affinity rules", b: 'fits' } },
  { name: 'near another, by zone', plugin: affinity, nodes: [zoned('a', '1'), zoned('b', '1'), zoned('c', '2')], placed: [onNode(pod('q', {}, { app: 'x' }), 'a')], incoming: pod('p', near('podAffinity', 'x', 'topology.kubernetes.io/zone')), expect: { a: 'fits', b: 'fits', c: "node(s) didn't match pod affinity rules" } },
  { name: 'the first of those that want each other', plugin: affinity, nodes: [node('a')], incoming: pod('p', near('podAffinity', 'x'), { app: 'x' }), expect: { a: 'fits' } },
  {
    name: 'spread by skew', plugin: spread, nodes: [zoned('a', '1'), zoned('b', '2')], placed: [onNode(pod('q', {}, { app: 'x' }), 'a')],
    incoming: pod('p', { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'x' } } }] }, { app: 'x' }),
    expect: { a: "node(s) didn't match pod topology spread constraints", b: 'fits' },
  },
  {
    name: 'spread needs the label', plugin: spread, nodes: [node('a')],
    incoming: pod('p', { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'x' } } }] }, { app: 'x' }),
    expect: { a: "node(s) didn't match pod topology spread constraints (missing required label)" },
  },
];

for (const { name, plugin, nodes, placed = [], incoming, expect } of CASES) {
  test(`${plugin.name}: ${name}`, () => assert.deepEqual(cycle([plugin], nodes, placed, incoming).filter, expect));
}
