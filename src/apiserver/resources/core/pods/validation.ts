/** The rules of pods on create and update. Status and the other subresources have their own files. */
import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec, Toleration } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { goJson } from '#machinery/go-print';
import { PrintedValue } from '#machinery/field-error';
import { checkTolerations } from '../../rules/affinity.ts';
import { checkImagePadding } from '../../rules/containers.ts';
import { unifiedDiff } from '../../rules/diff.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf, goJsonOfList } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkPodAnnotationChanges, checkPodAnnotations, checkProfilesAgree, MIRROR_POD } from '../../rules/pod-annotations.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { checkPodSpec } from '../../rules/pod-spec.ts';

const INT32_MAX = 2 ** 31 - 1;
const UPDATABLE_FIELDS = '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,'
  + '`spec.tolerations` (only additions to existing tolerations),'
  + '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export function checkPodOnCreate(pod: Pod, faults: Faults, rules: PodRules): void {
  checkFinalizers(pod, faults);
  checkPod(pod, faults, rules);
  const spec = pod.spec!;
  if (spec.ephemeralContainers?.length) faults.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  if (spec.nodeName && spec.schedulingGates?.length) faults.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared');
  checkProfilesAgree(pod.metadata.annotations, spec, 'spec', faults);
}

function checkPod(pod: Pod, faults: Faults, rules: PodRules): void {
  const spec = pod.spec!;
  checkPodAnnotations(pod.metadata.annotations, spec, 'metadata.annotations', faults, rules);
  checkPodSpec(spec, pod.metadata, 'spec', faults, rules);
  if (!spec.serviceAccountName) {
    for (const [index, volume] of (spec.volumes ?? []).entries()) {
      for (const [sourceIndex, source] of (volume.projected?.sources ?? []).entries()) {
        if (!source.serviceAccountToken) continue;
        faults.forbidden(`spec.volumes[${index}].projected.sources[${sourceIndex}].serviceAccountToken`,
          'must not be specified when serviceAccountName is not set');
      }
    }
  }
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) checkImagePadding(container, `spec.${list}[${index}]`, faults);
  }
}

/** Everything a pod must be after any update of its spec. */
export function checkPodAgain(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  checkMetaOnUpdate(pod, old, faults);
  checkMetaAgain(pod, faults, true);
  checkPod(pod, faults, rules);
}

export function checkPodOnUpdate(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  checkPodAgain(pod, old, faults, rules);
  checkAnnotationUpdate(pod, old, faults, rules);
  const spec = pod.spec!;
  const before = old.spec!;
  for (const list of ['containers', 'initContainers'] as const) {
    if (!checkContainerUpdates(spec[list] ?? [], before[list] ?? [], `spec.${list}`, faults)) return;
  }
  if (!checkDeadline(spec, before, faults)) return;
  checkOnlyAddedTolerations(spec.tolerations ?? [], before.tolerations ?? [], faults, rules);
  checkOnlyRemovedGates(spec, before, faults);
  checkNothingElseChanged(spec, before, faults);
}

export function checkAnnotationUpdate(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  checkPodAnnotationChanges(pod.metadata.annotations, old.metadata.annotations, 'metadata.annotations', faults);
  checkPodAnnotations(pod.metadata.annotations, pod.spec!, 'metadata.annotations', faults, rules);
}

/** @returns false when containers were added or removed: nothing after that can be compared. */
function checkContainerUpdates(containers: readonly Container[], old: readonly Container[], place: string, faults: Faults): boolean {
  if (containers.length !== old.length) {
    faults.forbidden(place, 'pod updates may not add or remove containers');
    return false;
  }
  for (const [index, container] of containers.entries()) {
    if (!container.image) faults.required(`${place}[${index}].image`);
    checkImagePadding(container, `${place}[${index}]`, faults);
  }
  return true;
}

/** It can be set or shortened, not lengthened or taken away. @returns whether to go on. */
function checkDeadline(spec: PodSpec, old: PodSpec, faults: Faults): boolean {
  const place = 'spec.activeDeadlineSeconds';
  const seconds = spec.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (seconds === undefined) {
    if (before !== undefined) faults.invalid(place, null, 'must not update from a positive integer to nil value');
    return true;
  }
  const count = faults.count;
  faults.inRange(place, seconds, 0, INT32_MAX);
  if (faults.count === count && before !== undefined && before < seconds) faults.invalid(place, seconds, 'must be less than or equal to previous value');
  return faults.count === count;
}

function checkOnlyAddedTolerations(tolerations: readonly Toleration[], old: readonly Toleration[], faults: Faults, rules: PodRules): void {
  for (const before of old) {
    const kept = tolerations.some((toleration) => semanticEqual({ ...before, tolerationSeconds: toleration.tolerationSeconds }, toleration));
    if (!kept) return faults.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds');
  }
  const mayCompare = rules.gate('TaintTolerationComparisonOperators') || rules.tolerated.comparingTolerations;
  checkTolerations(tolerations, 'spec.tolerations', faults, mayCompare);
}

function checkOnlyRemovedGates(spec: PodSpec, old: PodSpec, faults: Faults): void {
  const before = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (!before.has(name)) {
      faults.forbidden(`spec.schedulingGates[${index}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`);
    }
  }
}

/** Puts back what may change and compares the rest. */
function checkNothingElseChanged(spec: PodSpec, old: PodSpec, faults: Faults): void {
  if (semanticEqual(spec, old)) return;
  const rest: PodSpec = { ...spec };
  for (const list of ['containers', 'initContainers'] as const) {
    if (spec[list]) rest[list] = spec[list].map((container, index) => withField(container, 'image', old[list]?.[index]?.image));
  }
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const) {
    if (old[field] === undefined) delete rest[field];
    else (rest as unknown as Record<string, unknown>)[field] = old[field];
  }
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && rest.terminationGracePeriodSeconds === 1) {
    rest.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds!;
  }
  if (old.schedulingGates?.length) narrowWhileGated(rest, old, faults);
  if (!semanticEqual(rest, old)) {
    faults.forbidden('spec', `pod updates may not change fields other than ${UPDATABLE_FIELDS}\n${unifiedDiff(old, rest)}`);
  }
}

function withField<T extends object>(object: T, field: keyof T, value: unknown): T {
  const copy = { ...object, [field]: value };
  if (value === undefined) delete copy[field];
  return copy;
}

/** A gated pod's choice of nodes may still be narrowed. Allowed changes are put back in `rest`. */
function narrowWhileGated(rest: PodSpec, old: PodSpec, faults: Faults): void {
  if (!semanticEqual(rest.nodeSelector, old.nodeSelector)) {
    const selector = rest.nodeSelector ?? {};
    if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => selector[key] !== value)) {
      const sorted = Object.fromEntries(Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1)));
      faults.invalid('spec.nodeSelector', rest.nodeSelector ? new PrintedValue(goJson(sorted)) : null,
        'only additions to spec.nodeSelector are allowed (no mutations or deletions)');
    }
    if (old.nodeSelector) rest.nodeSelector = old.nodeSelector;
    else delete rest.nodeSelector;
  }
  const now = rest.affinity?.nodeAffinity;
  const before = old.affinity?.nodeAffinity;
  if (semanticEqual(now, before)) return;
  checkNarrowedAffinity(now, before, faults);
  const affinity = withField(rest.affinity ?? {}, 'nodeAffinity', before);
  if (Object.keys(affinity).length === 0 && !old.affinity) delete rest.affinity;
  else rest.affinity = affinity;
}

function checkNarrowedAffinity(now: NodeAffinity | undefined, before: NodeAffinity | undefined, faults: Faults): void {
  const required = before?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return;
  const place = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const terms = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const oldTerms = required.nodeSelectorTerms ?? [];
  if (oldTerms.length > 0 && oldTerms.length !== terms.length) {
    const printed = now?.requiredDuringSchedulingIgnoredDuringExecution ? terms : undefined;
    return faults.invalid(place, goJsonOfList('core/v1.NodeSelectorTerm', printed), 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
  }
  for (const [index, oldTerm] of oldTerms.entries()) {
    if (hasOnlyAdditions(terms[index]!, oldTerm)) continue;
    faults.invalid(`${place}[${index}]`, goJsonOf('core/v1.NodeSelectorTerm', terms[index]), 'only additions are allowed (no mutations or deletions)');
  }
}

function hasOnlyAdditions(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  const wasEmpty = lists.every((list) => !old[list]?.length);
  if (wasEmpty) return lists.every((list) => !term[list]?.length);
  return lists.every((list) => semanticEqual((term[list] ?? []).slice(0, (old[list] ?? []).length), old[list] ?? []));
}

export function checkEphemeralContainersUpdate(pod: Pod, old: Pod, faults: Faults, rules: PodRules): void {
  if (old.metadata.annotations?.[MIRROR_POD] !== undefined) return faults.forbidden('', 'static pods do not support ephemeral containers');
  checkPodAgain(pod, old, faults, rules);
  checkAnnotationUpdate(pod, old, faults, rules);
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const now = (pod.spec?.ephemeralContainers ?? []).find((container) => container.name === before.name);
    if (!now) faults.forbidden('spec.ephemeralContainers', `existing ephemeral containers "${before.name}" may not be removed\n`);
    else if (!semanticEqual(now, before)) {
      faults.forbidden('spec.ephemeralContainers', `existing ephemeral containers "${before.name}" may not be changed\n${unifiedDiff(before, now)}`);
    }
  }
}
