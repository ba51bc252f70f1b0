/** What happens to a pod on its way into storage: status resets, merged label keys, profiles from annotations, generation. */
import type { AppArmorProfile, Container, Pod, PodAffinityTerm } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { LabelSelector, ObjectMeta } from '#machinery/meta';
import { formatTime } from '#machinery/time';
import { computePodQos } from '#semantics/qos';
import type { StrategyContext } from '../../definition.ts';
import { Faults } from '../../rules/faults.ts';
import { APP_ARMOR_CONTAINER, appArmorFieldOf, containersWithPlaces } from '../../rules/pod-annotations.ts';
import { dropDisabledPodFields } from '../../rules/pod-fields.ts';
import { checkAppArmorProfile } from '../../rules/security-context.ts';
import { dropDisabledStatusFields } from './status-fields.ts';

export function preparePodForCreate(pod: Pod, context: StrategyContext): void {
  pod.metadata.generation = 1;
  delete pod.status;
  pod.status = { phase: 'Pending', qosClass: computePodQos(pod) };
  dropDisabledPodFields(pod.spec, undefined, context);
  if (pod.spec?.schedulingGates?.length) {
    pod.status.conditions = [{
      type: 'PodScheduled', status: 'False', lastTransitionTime: formatTime(context.nowMs), reason: 'SchedulingGated', 
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    }];
  }
  mergeLabelKeys(pod, context);
  applyAppArmorAnnotations(pod);
}

export function preparePodForUpdate(pod: Pod, old: Pod, context: StrategyContext): void {
  replaceStatus(pod, old);
  dropDisabledPodFields(pod.spec, old.spec, context);
  countSpecChange(pod, old);
}

function replaceStatus(pod: Pod, old: Pod): void {
  if (old.status) pod.status = old.status;
  else delete pod.status;
}

function countSpecChange(pod: Pod, old: Pod): void {
  if (!semanticEqual(pod.spec, old.spec)) pod.metadata.generation = (pod.metadata.generation ?? 0) + 1;
}

/** The pod's own values of `matchLabelKeys` and `mismatchLabelKeys` become requirements of the selector beside them. */
function mergeLabelKeys(pod: Pod, context: StrategyContext): void {
  const labels = pod.metadata.labels ?? {};
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = pod.spec?.affinity?.[kind];
    const terms: PodAffinityTerm[] = [
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ];
    for (const term of terms) {
      addRequirements(term.labelSelector, term.matchLabelKeys, 'In', labels);
      addRequirements(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels);
    }
  }
  if (!context.featureEnabled('MatchLabelKeysInPodTopologySpread') || !context.featureEnabled('MatchLabelKeysInPodTopologySpreadSelectorMerge')) return;
  for (const constraint of pod.spec?.topologySpreadConstraints ?? []) addRequirements(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
}

function addRequirements(selector: LabelSelector | undefined, keys: readonly string[] | undefined, operator: string, labels: Record<string, string>): void {
  if (!selector) return;
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value !== undefined) selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }];
  }
}

/** An annotation whose field is not set fills the field. */
function applyAppArmorAnnotations(pod: Pod): void {
  if (pod.spec?.os?.name === 'windows') return;
  for (const { container, profile } of annotatedContainers(pod)) {
    if (profile && !semanticEqual(profile, pod.spec?.securityContext?.appArmorProfile)) {
      container.securityContext = { ...container.securityContext, appArmorProfile: profile };
    }
  }
}

function annotatedContainers(pod: Pod): { container: Container; key: string; profile: AppArmorProfile | undefined }[] {
  if (!pod.spec || !pod.metadata.annotations) return [];
  return containersWithPlaces(pod.spec, '').flatMap(([container]) => {
    const key = APP_ARMOR_CONTAINER + container.name;
    const annotation = pod.metadata.annotations![key];
    if (annotation === undefined) return [];
    const profile = appArmorFieldOf(annotation);
    const faults = new Faults();
    checkAppArmorProfile(profile, '', faults);
    return [{ container, key, profile: faults.count === 0 ? profile : undefined }];
  });
}

/** Asked after the annotations were applied: a container that still differs from its pod had the field set from one. */
export function appArmorWarnings(pod: Pod): string[] {
  if (pod.spec?.os?.name === 'windows') return [];
  return annotatedContainers(pod)
    .filter(({ container, profile }) => profile === undefined || container.securityContext?.appArmorProfile !== undefined)
    .map(({ key }) => `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
}

/** The status endpoint changes neither spec nor owners (old kubelets corrupted those), and keeps the class of service. */
export function prepareStatusForUpdate(pod: Pod, old: Pod, context: StrategyContext): void {
  if (old.spec) pod.spec = old.spec;
  delete pod.metadata.deletionTimestamp;
  if (old.metadata.ownerReferences) pod.metadata.ownerReferences = old.metadata.ownerReferences;
  else delete pod.metadata.ownerReferences;
  pod.status ??= {};
  if (!pod.status.qosClass && old.status?.qosClass) pod.status.qosClass = old.status.qosClass;
  keepObservedGenerations(pod, old);
  dropDisabledPodFields(pod.spec, old.spec, context);
  dropDisabledStatusFields(pod, old, context);
}

/** Clients that do not know observedGeneration cannot clear it. */
function keepObservedGenerations(pod: Pod, old: Pod): void {
  const status = pod.status!;
  if (!status.observedGeneration && old.status?.observedGeneration) status.observedGeneration = old.status.observedGeneration;
  const generations = new Map<string, (number | undefined)[]>();
  for (const condition of old.status?.conditions ?? []) {
    generations.set(condition.type, [...(generations.get(condition.type) ?? []), condition.observedGeneration]);
  }
  for (const condition of status.conditions ?? []) {
    const generation = generations.get(condition.type)?.shift();
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation;
  }
}

/** Subresources of the spec take labels, owners and the like from the stored pod. */
function resetMeta(meta: ObjectMeta, old: ObjectMeta): void {
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'ownerReferences', 'labels', 'annotations', 'finalizers'] as const) {
    if (old[field] === undefined) delete meta[field];
    else (meta as Record<string, unknown>)[field] = old[field];
  }
}

export function prepareEphemeralContainersForUpdate(pod: Pod, old: Pod, context: StrategyContext): void {
  const containers = pod.spec?.ephemeralContainers;
  pod.spec = { ...old.spec!, ...(containers ? { ephemeralContainers: containers } : {}) };
  if (!containers) delete pod.spec.ephemeralContainers;
  replaceStatus(pod, old);
  resetMeta(pod.metadata, old.metadata);
  dropDisabledPodFields(pod.spec, old.spec, context);
  countSpecChange(pod, old);
}

/** Only resources and resize policies pass; added, removed or renamed containers stay, for validation to refuse. */
export function prepareResizeForUpdate(pod: Pod, old: Pod, context: StrategyContext): void {
  const spec = pod.spec!;
  const oldSpec = old.spec!;
  if ((spec.containers ?? []).length === (oldSpec.containers ?? []).length
    && (spec.initContainers ?? []).length === (oldSpec.initContainers ?? []).length) {
    const containers = resized(spec.containers ?? [], oldSpec.containers ?? []);
    const initContainers = resized(spec.initContainers ?? [], oldSpec.initContainers ?? []);
    const resources = spec.resources;
    pod.spec = { ...oldSpec, containers };
    if (initContainers.length > 0) pod.spec.initContainers = initContainers;
    if (context.featureEnabled('InPlacePodLevelResourcesVerticalScaling')) {
      if (resources) pod.spec.resources = resources;
      else delete pod.spec.resources;
    }
    replaceStatus(pod, old);
    resetMeta(pod.metadata, old.metadata);
  }
  dropDisabledPodFields(pod.spec, old.spec, context);
  countSpecChange(pod, old);
}

function resized(containers: readonly Container[], old: readonly Container[]): Container[] {
  if (containers.some((container, index) => container.name !== old[index]?.name)) return [...containers];
  return containers.map((container, index) => {
    const { resources: _resources, resizePolicy: _policy, ...rest } = old[index]!;
    const { resources, resizePolicy } = container;
    return { ...rest, ...(resources ? { resources } : {}), ...(resizePolicy ? { resizePolicy } : {}) };
  });
}
