/** The rules of jobs on create and update. */
import type { Job, JobSpec } from '#api/generated/batch/v1';
import type { Container, PodSpec, PodTemplateSpec } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults } from '#machinery/names';
import { labelsMatch } from '#machinery/selector/label-selector';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf, goJsonOfMap, goJsonOfPointer } from '../../rules/internal-print.ts';
import { checkJobSpec } from '../../rules/job-spec.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { checkLabelSelector } from '../../rules/selectors.ts';
import { readSelector } from '../../rules/workloads.ts';

const PREFIX = 'batch.kubernetes.io/';

export function checkJob(job: Job, old: Job | undefined, faults: Faults, rules: PodRules): void {
  const spec = job.spec!;
  checkGeneratedSelector(job, old, faults);
  checkSpecAndSelector(spec, old, faults, rules);
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const lastHost = `${job.metadata.name ?? ''}-${spec.completions! - 1}`;
    if (dns1123LabelFaults(lastHost).length > 0) {
      faults.invalid('metadata.name', job.metadata.name, `will not able to create pod with invalid DNS label: ${lastHost}`);
    }
  }
}

function checkSpecAndSelector(spec: JobSpec, old: Job | undefined, faults: Faults, rules: PodRules): void {
  checkJobSpec(spec, 'spec', faults, rules);
  if (!spec.selector) faults.required('spec.selector');
  checkLabelSelector(spec.selector, 'spec.selector', faults, { anyValue: hasInvalidLabelValue(old?.spec?.selector) });
  const requirements = readSelector(spec.selector);
  const labels = spec.template?.metadata?.labels;
  if (requirements !== undefined && (requirements === null || !labelsMatch(requirements, labels ?? {}))) {
    faults.invalid('spec.template.metadata.labels', goJsonOfMap(labels), '`selector` does not match template `labels`');
  }
}

/** Labels of the template and selector as the server generates them. Old jobs lack the prefixed labels. */
function checkGeneratedSelector(job: Job, old: Job | undefined, faults: Faults): void {
  const spec = job.spec!;
  if (spec.manualSelector || !spec.selector) return;
  const uid = job.metadata.uid ?? '';
  const name = job.metadata.name ?? '';
  if (uid === '') faults.required('metadata.uid');
  const oldLabels = old?.spec?.template?.metadata?.labels;
  const wantsPrefixed = !old || (oldLabels?.[`${PREFIX}job-name`] !== undefined && oldLabels[`${PREFIX}controller-uid`] !== undefined);
  const expected: Record<string, string> = { 'controller-uid': uid, 'job-name': name };
  if (wantsPrefixed) Object.assign(expected, { [`${PREFIX}controller-uid`]: uid, [`${PREFIX}job-name`]: name });
  const labels = spec.template?.metadata?.labels;
  for (const [label, value] of Object.entries(expected)) {
    const at = `spec.template.metadata.labels[${label}]`;
    if (labels?.[label] === undefined) faults.required(at, `must be '${value}'`);
    else if (labels[label] !== value) faults.invalid(at, goJsonOfMap(labels), `must be '${value}'`);
  }
  const requirements = readSelector(spec.selector);
  if (requirements && !labelsMatch(requirements, expected)) {
    faults.invalid('spec.selector', goJsonOf('meta/v1.LabelSelector', spec.selector), '`selector` not auto-generated');
  }
}

const IMMUTABLE = [
  ['selector', 'meta/v1.LabelSelector'], ['completionMode', ''], ['podFailurePolicy', 'batch/v1.PodFailurePolicy'], ['backoffLimitPerIndex', ''],
  ['managedBy', ''], ['successPolicy', 'batch/v1.SuccessPolicy'],
] as const;

export function checkJobChange(job: Job, old: Job, faults: Faults, rules: PodRules): void {
  const spec = job.spec!;
  const before = old.spec!;
  checkSpecAndSelector(spec, old, faults, rules);
  checkCompletions(spec, before, faults);
  for (const [field, type] of IMMUTABLE) {
    if (semanticEqual(spec[field], before[field])) continue;
    faults.invalid(`spec.${field}`, type === '' ? spec[field] ?? null : goJsonOfPointer(type, spec[field]), 'field is immutable');
  }
  checkTemplateChange(spec, old, faults, rules);
}

/** An indexed job may grow or shrink, with its parallelism. */
function checkCompletions(spec: JobSpec, before: JobSpec, faults: Faults): void {
  if (spec.completions === before.completions) return;
  if (spec.completionMode !== 'Indexed') faults.invalid('spec.completions', spec.completions ?? null, 'field is immutable');
  else if (spec.completions !== undefined && spec.completions !== spec.parallelism) {
    faults.invalid('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism');
  }
}

/** While a job is suspended and nothing runs, where its pods go and what they get may still change. */
function checkTemplateChange(spec: JobSpec, old: Job, faults: Faults, rules: PodRules): void {
  const suspended = old.spec?.suspend === true;
  const notStarted = old.status?.startTime === undefined;
  const isIdle = suspended && (old.status?.active ?? 0) === 0
    && (notStarted || (old.status?.conditions ?? []).some(({ type, status }) => type === 'Suspended' && status === 'True'));
  const mayMove = rules.gate('MutableSchedulingDirectivesForSuspendedJobs') ? isIdle : suspended && notStarted;
  const mayResize = suspended && isIdle && rules.gate('MutablePodResourcesForSuspendedJobs');
  const template = spec.template ?? {};
  let before = old.spec?.template ?? {};
  if (mayMove) before = withSchedulingOf(before, template);
  if (!mayResize) {
    if (!semanticEqual(template, before)) faults.invalid('spec.template', goJsonOf('core/v1.PodTemplateSpec', template), 'field is immutable');
    return;
  }
  const resized = withResourcesOf(before.spec ?? { containers: [] }, template.spec ?? { containers: [] });
  if (!semanticEqual(template.spec, resized)) faults.invalid('spec.template.spec', goJsonOf('core/v1.PodSpec', template.spec), 'field is immutable');
}

function take<T extends object>(from: T, to: T, fields: readonly (keyof T)[]): T {
  const taken = { ...to };
  for (const field of fields) {
    if (from[field] === undefined) delete taken[field];
    else taken[field] = from[field];
  }
  return taken;
}

function withSchedulingOf(before: PodTemplateSpec, template: PodTemplateSpec): PodTemplateSpec {
  const now = template.spec ?? { containers: [] };
  const spec = take(now, before.spec ?? { containers: [] }, ['nodeSelector', 'tolerations', 'schedulingGates']);
  const affinity = take(now.affinity ?? {}, spec.affinity ?? {}, ['nodeAffinity']);
  if (Object.keys(affinity).length > 0 || (now.affinity && !spec.affinity)) spec.affinity = affinity;
  else delete spec.affinity;
  return { ...before, metadata: take(template.metadata ?? {}, before.metadata ?? {}, ['labels', 'annotations']), spec };
}

function withResourcesOf(before: PodSpec, now: PodSpec): PodSpec {
  const resized = (list: readonly Container[] | undefined, other: readonly Container[] | undefined): Container[] | undefined => {
    if (!list || list.length !== (other ?? []).length) return list && [...list];
    return list.map((container, index) => (container.name === other![index]!.name ? take(other![index]!, container, ['resources']) : container));
  };
  const containers = resized(before.containers, now.containers) ?? [];
  const initContainers = resized(before.initContainers, now.initContainers);
  return { ...before, containers, ...(initContainers ? { initContainers } : {}) };
}
