/** The rules of `/resize`: only cpu and memory of containers and of the pod change, and nothing is taken away. */
import type { Container, ContainerResizePolicy, Pod, ResourceRequirements } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { computePodQos, podQos } from '#semantics/qos';
import type { Faults } from '../../rules/faults.ts';
import { MIRROR_POD } from '../../rules/pod-annotations.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { checkPodAgain } from './validation.ts';

const RESIZABLE = ['cpu', 'memory'];

export function checkPodResize(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  if (old.metadata.annotations?.[MIRROR_POD] !== undefined) return faults.forbidden('', 'static pods cannot be resized');
  if (old.spec?.os?.name === 'windows') return faults.forbidden('', 'windows pods cannot be resized');
  checkPodAgain(pod, old, faults, rules);
  const { status: _status, ...withoutStatus } = pod;
  if (podQos(old) !== computePodQos(withoutStatus)) {
    faults.invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing');
  }
  if (!supportsResize(old)) faults.forbidden('spec', 'Pod running on node without support for resize');
  if (!checkPodLevel(pod, old, faults, rules)) return;
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length) faults.forbidden('spec', 'pods with node allocatable resource claims cannot be resized');
  if (!checkOrder(pod, old, faults)) return;
  checkContainers(pod, old, faults, rules);
}

/** The kubelet reports the resources of running containers when it can change them. */
function supportsResize(pod: Pod): boolean {
  const running = (pod.status?.containerStatuses ?? []).find((container) => container.state?.running);
  return running === undefined || running.resources !== undefined;
}

function hasResources(pod: Pod): boolean {
  const { requests, limits } = pod.spec?.resources ?? {};
  return Object.keys(requests ?? {}).length + Object.keys(limits ?? {}).length > 0;
}

function checkPodLevel(pod: Pod, old: Pod, faults: Faults, rules: PodRules): boolean {
  if (!hasResources(pod) && !hasResources(old)) return true;
  if (!rules.gate('InPlacePodLevelResourcesVerticalScaling')) {
    faults.forbidden('', 'resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled');
    return false;
  }
  const now = pod.spec?.resources;
  const before = old.spec?.resources;
  if (before && !now) {
    faults.forbidden('spec.resources', 'pod-level resources cannot be removed');
    return true;
  }
  if (before) {
    if (isAnyRemoved(now?.requests, before.requests)) faults.forbidden('spec.resources.requests', 'pod-level resource requests cannot be removed');
    if (isAnyRemoved(now?.limits, before.limits)) faults.forbidden('spec.resources.limits', 'pod-level resource limits cannot be removed');
  }
  if (!semanticEqual(fixed(now), fixed(before))) faults.forbidden('spec', 'only cpu and memory resources are mutable at pod-level');
  return true;
}

/** What must stay: the resources other than cpu and memory, empty lists left out. */
function fixed(resources: ResourceRequirements | undefined): unknown {
  const rest = (list: Readonly<Record<string, string>> | undefined): [string, string][] => Object.entries(list ?? {})
    .filter(([name]) => !RESIZABLE.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  return [rest(resources?.requests), rest(resources?.limits)];
}

function isAnyRemoved(list: Readonly<Record<string, string>> = {}, old: Readonly<Record<string, string>> = {}): boolean {
  return Object.keys(old).some((name) => list[name] === undefined);
}

function checkOrder(pod: Pod, old: Pod, faults: Faults): boolean {
  const before = faults.count;
  for (const list of ['containers', 'initContainers'] as const) {
    const now = pod.spec?.[list] ?? [];
    const was = old.spec?.[list] ?? [];
    if (now.length !== was.length) faults.forbidden(`spec.${list}`, `${list} may not be added or removed on resize`);
    else for (const [index, container] of was.entries()) {
      if (now[index]!.name !== container.name) faults.forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`);
    }
  }
  return faults.count === before;
}

function checkContainers(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  const initResizes = rules.gate('InPlacePodVerticalScalingInitContainers');
  const containers = pod.spec?.containers ?? [];
  const initContainers = pod.spec?.initContainers ?? [];
  for (const [index, before] of (old.spec?.initContainers ?? []).entries()) {
    if (initResizes || before.restartPolicy === 'Always') checkNothingRemoved(initContainers[index]!, before, `spec.initContainers[${index}].resources`, faults);
  }
  for (const [index, before] of (old.spec?.containers ?? []).entries()) {
    checkNothingRemoved(containers[index]!, before, `spec.containers[${index}].resources`, faults);
  }
  for (const [index, before] of (old.spec?.containers ?? []).entries()) {
    if (!isSameButSizes(containers[index]!, before)) faults.forbidden('spec', 'only cpu and memory resources are mutable');
  }
  for (const [index, before] of (old.spec?.initContainers ?? []).entries()) {
    const now = initContainers[index]!;
    const isSidecar = now.restartPolicy === 'Always';
    const changed = !semanticEqual(now, before);
    const place = `spec.initContainers[${index}]`;
    if (!isSidecar && !initResizes) {
      if (changed) faults.forbidden('spec', 'resources for non-sidecar init containers are immutable');
      continue;
    }
    if (!isSameButSizes(now, before)) faults.forbidden(place, 'only cpu and memory resources for init or sidecar containers are mutable');
    if (!changed || isSidecar) continue;
    for (const policy of now.resizePolicy ?? []) if (restarts(policy)) {
      faults.forbidden(place, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized');
    }
  }
}

function restarts(policy: ContainerResizePolicy): boolean {
  return policy.restartPolicy === 'RestartContainer';
}

function checkNothingRemoved(now: Container, before: Container, place: string, faults: Faults): void {
  if (isAnyRemoved(now.resources?.requests, before.resources?.requests)) faults.forbidden(`${place}.requests`, 'resource requests cannot be removed');
  if (isAnyRemoved(now.resources?.limits, before.resources?.limits)) faults.forbidden(`${place}.limits`, 'resource limits cannot be removed');
}

function isSameButSizes(now: Container, before: Container): boolean {
  const { resources: nowResources, ...nowRest } = now;
  const { resources: beforeResources, ...beforeRest } = before;
  return semanticEqual(nowRest, beforeRest) && semanticEqual(fixed(nowResources), fixed(beforeResources));
}
