/** Small nodes and pods for the scheduler's tests, and a profile run over them. */
import type { Node, Pod, PodSpec } from '#api/generated/core/v1';
import { SchedulerCache } from '../cache/scheduler-cache.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { podInfo } from '../framework/pod-info.ts';
import { Profile } from '../framework/profile.ts';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { prioritySort } from '../plugins/priority-sort.ts';

export function node(name: string, more: { labels?: Record<string, string>; cpu?: string; memory?: string; pods?: string; taints?: { key: string; value?: string; effect: string }[]; unschedulable?: boolean; images?: { names: string[]; sizeBytes: number }[] } = {}): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more.labels } },
    spec: { ...(more.taints === undefined ? {} : { taints: more.taints }), ...(more.unschedulable === undefined ? {} : { unschedulable: more.unschedulable }) },
    status: { allocatable: { cpu: more.cpu ?? '4', memory: more.memory ?? '8Gi', pods: more.pods ?? '110' }, ...(more.images === undefined ? {} : { images: more.images }) },
  };
}

export function pod(name: string, spec: Partial<PodSpec> & { nodeName?: string } = {}, labels: Record<string, string> = {}): Pod {
  return { metadata: { name, namespace: 'default', uid: name, labels }, spec: { containers: [{ name: 'c', image: 'app:1' }], ...spec } };
}

export function requesting(name: string, cpu: string, more: Partial<PodSpec> = {}): Pod {
  return pod(name, { containers: [{ name: 'c', image: 'app:1', resources: { requests: { cpu } } }], ...more });
}

export interface Outcome {
  /** Node → 'fits' or its reasons. */
  readonly filter: Record<string, string>;
  /** Node → total score, of those that fit. */
  readonly scores: Record<string, number>;
}

/** One cycle of the plugins for `incoming`. */
export function cycle(plugins: readonly SchedulerPlugin[], nodes: readonly Node[], placed: readonly Pod[], incoming: Pod): Outcome {
  const profile = new Profile([{ plugin: prioritySort }, ...plugins.map((plugin) => ({ plugin }))]);
  const cache = new SchedulerCache();
  for (const one of nodes) cache.setNode(one);
  for (const one of placed) cache.setPod(one);
  const snapshot = cache.snapshot();
  const info = podInfo(incoming);
  const state = new CycleState();
  const before = profile.preFilter(state, info, snapshot);
  const filter: Record<string, string> = {};
  const fitting = snapshot.nodes.filter((candidate) => {
    const left = before.nodeNames !== undefined && !before.nodeNames.has(candidate.name);
    const verdict = before.verdict.code !== 'success' ? before.verdict : left ? undefined : profile.filter(state, info, candidate);
    filter[candidate.name] = verdict === undefined ? 'left out' : verdict.code === 'success' ? 'fits' : verdict.reasons.join(', ');
    return verdict?.code === 'success';
  });
  const scores = Object.fromEntries(profile.score(state, info, fitting, snapshot).map(({ node: candidate, score }) => [candidate.name, score]));
  return { filter, scores };
}
