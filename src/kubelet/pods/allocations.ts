/**
 * The resources that this node has granted to its pods: what runs, until a changed wish can be granted too (in-place resize).
 *
 *     wish fits            → granted at once                              ResizeStarted
 *     fits only when others leave → kept as a wish, asked for again       PodResizePending, Deferred
 *     never fits this node → kept as a wish                               PodResizePending, Infeasible
 *
 * Grants survive a restart of the kubelet in one small file: without it a pending wish would look granted.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Container, Pod, PodCondition, ResourceRequirements } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { bytes, milliCpu, podAmounts } from '../translation/amounts.ts';
import { resourceRefusal } from './admission.ts';

export interface Allocations {
  /** The pod with what was granted in place of what is wished. */
  granted(pod: Pod): Pod;
  /** A pod that is new here: all it wishes. */
  grantAll(pod: Pod): void;
  /** Looks at the pod's wishes again. */
  review(pod: Pod, facts: { allocatable: Readonly<Record<string, string>>; others: readonly Pod[] }): 'unchanged' | 'granted' | 'deferred' | 'infeasible';
  /** Says why a wish waits; undefined when none does. */
  pending(pod: Pod): PodCondition | undefined;
  forget(uid: string): void;
}

type Grant = Record<string, ResourceRequirements>;
interface Pending { reason: 'Deferred' | 'Infeasible'; message: string }

/** @param file '' keeps grants in memory only. */
export function createAllocations(file: string): Allocations {
  const grants = new Map<string, Grant>(Object.entries(readGrants(file)));
  const pending = new Map<string, Pending>();
  const save = (): void => {
    if (file === '') return;
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
    writeFileSync(`${file}.tmp`, JSON.stringify(Object.fromEntries(grants)), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
  };
  const grant = (pod: Pod): void => { grants.set(pod.metadata.uid!, wishes(pod)); pending.delete(pod.metadata.uid!); save(); };
  const granted = (pod: Pod): Pod => {
    const given = grants.get(pod.metadata.uid!);
    if (given === undefined || semanticEqual(given, wishes(pod))) return pod;
    const withGrant = (container: Container): Container => (given[container.name] === undefined ? container : { ...container, resources: given[container.name]! });
    return { ...pod, spec: { ...pod.spec!, containers: pod.spec!.containers.map(withGrant), ...(pod.spec?.initContainers === undefined ? {} : { initContainers: pod.spec.initContainers.map(withGrant) }) } };
  };
  return {
    granted,
    grantAll: (pod) => { if (!grants.has(pod.metadata.uid!)) grant(pod); },
    review: (pod, { allocatable, others }) => {
      const uid = pod.metadata.uid!;
      if (granted(pod) === pod) { pending.delete(uid); return 'unchanged'; }
      const impossible = infeasible(pod, allocatable);
      if (impossible !== undefined) { pending.set(uid, { reason: 'Infeasible', message: impossible }); return 'infeasible'; }
      const refused = resourceRefusal(pod, { allocatable, others });
      if (refused !== undefined) { pending.set(uid, { reason: 'Deferred', message: refused.message }); return 'deferred'; }
      grant(pod);
      return 'granted';
    },
    pending: (pod) => {
      const why = pending.get(pod.metadata.uid!);
      return why === undefined ? undefined : { type: 'PodResizePending', status: 'True', ...why, ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }) };
    },
    forget: (uid) => { pending.delete(uid); if (grants.delete(uid)) save(); },
  };
}

/** What the events of a resize tell after their first words. */
export function resizeSummary(pod: Pod, error = ''): string {
  const of = (containers: readonly Container[] | undefined) => (containers ?? []).map(({ name, resources }) => ({ name, resources: resources ?? {} }));
  const init = of(pod.spec?.initContainers);
  return JSON.stringify({ ...(init.length === 0 ? {} : { initContainers: init }), containers: of(pod.spec?.containers), generation: pod.metadata.generation ?? 0, ...(error === '' ? {} : { error }) });
}

function wishes(pod: Pod): Grant {
  return Object.fromEntries([...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map((container) => [container.name, container.resources ?? {}]));
}

function infeasible(pod: Pod, allocatable: Readonly<Record<string, string>>): string | undefined {
  const requests = podAmounts(pod).requests;
  for (const [name, amount] of [['cpu', milliCpu], ['memory', bytes]] as const) {
    const requested = amount(requests[name]);
    const capacity = amount(allocatable[name]);
    if (requested > capacity) return `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`;
  }
  return undefined;
}

function readGrants(file: string): Record<string, Grant> {
  if (file === '') return {};
  try { return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Grant>; } catch { return {}; }
}
