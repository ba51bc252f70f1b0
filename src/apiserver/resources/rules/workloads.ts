/** What the rules of all workloads share: selectors that match their templates, counts in status, numbers or percentages. */
import type { PodTemplateSpec } from '#api/generated/core/v1';
import { type IntOrString, intValue, percentOf } from '#machinery/int-or-string';
import type { KubeObject, LabelSelector } from '#machinery/meta';
import { dns1123LabelFaults, percentFaults } from '#machinery/names';
import { formatLabelSelector, labelSelectorOf, labelsMatch, type LabelRequirements, SelectorError } from '#machinery/selector/label-selector';
import type { Faults } from './faults.ts';
import { goJsonOf, goJsonOfMap } from './internal-print.ts';
import type { PodRules } from './pod-rules.ts';
import { checkPodTemplate } from './pod-spec.ts';
import { checkLabelSelector, isEmptySelector } from './selectors.ts';

/** @param kind as the message about an empty selector names it. */
export function checkWorkloadSelector(selector: LabelSelector | undefined, kind: string, place: string, faults: Faults): void {
  if (!selector) return faults.required(place);
  checkLabelSelector(selector, place, faults);
  if (isEmptySelector(selector)) faults.invalid(place, goJsonOf('meta/v1.LabelSelector', selector), `empty selector is invalid for ${kind}`);
}

/** @returns the selector's requirements; null for an absent selector, which matches nothing; undefined when they cannot be read. */
export function readSelector(selector: LabelSelector | undefined): LabelRequirements | null | undefined {
  try {
    return labelSelectorOf(selector) ?? null;
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}

/** The template's labels match the selector; pods restart always and have no deadline. */
export function checkWorkloadTemplate(template: PodTemplateSpec, requirements: LabelRequirements | null, kind: string, place: string, faults: Faults, rules: PodRules): void {
  checkTemplateMatches(template, requirements, place, faults);
  checkPodTemplate(template, place, faults, rules);
  checkRestartsForever(template, kind, place, faults);
}

export function checkTemplateMatches(template: PodTemplateSpec, requirements: LabelRequirements | null, place: string, faults: Faults): void {
  const labels = template.metadata?.labels;
  if (requirements === null || (requirements.length > 0 && !labelsMatch(requirements, labels))) {
    faults.invalid(`${place}.metadata.labels`, goJsonOfMap(labels), '`selector` does not match template `labels`');
  }
}

export function checkRestartsForever(template: PodTemplateSpec, kind: string, place: string, faults: Faults): void {
  faults.strictlyOneOf(`${place}.spec.restartPolicy`, template.spec?.restartPolicy, ['Always']);
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    faults.forbidden(`${place}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`);
  }
}

export function checkNonNegativeFields(holder: object | undefined, fields: readonly string[], place: string, faults: Faults): void {
  for (const field of fields) faults.nonNegative(`${place}.${field}`, (holder as Record<string, number | undefined> | undefined)?.[field]);
}

/** No count exceeds the replicas, and no more are available than ready. @param readyText how the last rule names ready replicas. */
export function checkReplicaCounts(status: object | undefined, fields: readonly string[], faults: Faults, readyText = 'readyReplicas'): void {
  const counts = (status ?? {}) as Record<string, number | undefined>;
  const replicas = counts['replicas'] ?? 0;
  for (const field of fields) {
    if ((counts[field] ?? 0) > replicas) faults.invalid(`status.${field}`, counts[field] ?? 0, 'cannot be greater than status.replicas');
  }
  if ((counts['availableReplicas'] ?? 0) > (counts['readyReplicas'] ?? 0)) {
    faults.invalid('status.availableReplicas', counts['availableReplicas'] ?? 0, `cannot be greater than ${readyText}`);
  }
}

export function checkCollisionCount(status: { collisionCount?: number } | undefined, old: { collisionCount?: number } | undefined, faults: Faults): void {
  if (old?.collisionCount === undefined || (status?.collisionCount ?? -1) >= old.collisionCount) return;
  faults.invalid('status.collisionCount', status?.collisionCount ?? 0, 'cannot be decremented');
}

export function checkIntOrPercent(value: IntOrString | undefined, place: string, faults: Faults): void {
  if (typeof value === 'string') faults.invalidAll(place, value, percentFaults(value));
  else faults.nonNegative(place, value);
}

export function checkAtMost100Percent(value: IntOrString | undefined, place: string, faults: Faults): void {
  if (typeof value === 'string' && percentFaults(value).length === 0 && (percentOf(value) ?? 0) > 100) {
    faults.invalid(place, value, 'must not be greater than 100%');
  }
}

/** The number before the percent sign counts as the value, too. */
export function isZeroIntOrPercent(value: IntOrString | undefined): boolean {
  if (value === undefined) return true;
  return (typeof value === 'string' && percentFaults(value).length === 0 ? percentOf(value) ?? 0 : intValue(value)) === 0;
}

/** Pods are named and hosted after the workload. */
export function podNameWarnings(object: KubeObject): string[] {
  const texts = dns1123LabelFaults(object.metadata.name ?? '');
  if (texts.length === 0) return [];
  return [`metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${texts.join(' ')}]`];
}

interface Scaled extends KubeObject {
  spec?: { replicas?: number; selector?: LabelSelector };
  status?: { replicas?: number };
}

/** `/scale` of workloads with a label selector. */
export const WORKLOAD_SCALE = {
  replicas: (object: Scaled): number => object.spec?.replicas ?? 0,
  setReplicas: (object: Scaled, replicas: number): void => { object.spec!.replicas = replicas; },
  statusReplicas: (object: Scaled): number => object.status?.replicas ?? 0,
  selector: (object: Scaled): string => {
    const requirements = readSelector(object.spec?.selector);
    return requirements ? formatLabelSelector(requirements) : '';
  },
};
