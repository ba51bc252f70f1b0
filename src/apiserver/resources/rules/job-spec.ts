/** The rules of a job's spec, for jobs and for the templates of cron jobs. */
import type { JobSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicyRule } from '#api/generated/batch/v1';
import { invalid, OMIT_VALUE } from '#machinery/field-error';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { readIndexes } from './index-intervals.ts';
import { goJsonOf } from './internal-print.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import { checkPodTemplate } from './pod-spec.ts';
import type { PodRules } from './pod-rules.ts';
import { templateWarnings } from './pod-warnings.ts';
import { checkNonNegativeFields } from './workloads.ts';

const PARALLELISM_MAX = 100_000;
const FAILED_INDEXES_MAX = 100_000;
/** Above so many completions, other limits are lower. */
const COMPLETIONS_SOFT_LIMIT = 100_000;
const LOWER_LIMIT = 10_000;
const FAILURE_RULES_MAX = 20;
const EXIT_CODES_MAX = 255;
const CONDITIONS_MAX = 20;
const SUCCESS_RULES_MAX = 20;
const SUCCEEDED_INDEXES_BYTES_MAX = 64 * 1024;
const MANAGED_BY_MAX = 63;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const INT32_MAX = 2 ** 31 - 1;
const NEEDS_INDEXES = 'requires indexed completion mode';

export function defaultJobTemplateSpec(spec: JobSpec | undefined): void {
  if (spec?.template?.spec) defaultPodSpec(spec.template.spec);
  for (const rule of spec?.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
}

export function defaultBackoffLimit(spec: JobSpec): void {
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : INT32_MAX;
}

/** Without the selector, which cron jobs leave to be generated. */
export function checkJobSpec(spec: JobSpec, place: string, faults: Faults, rules: PodRules): void {
  checkNonNegativeFields(spec, ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished',
    'backoffLimitPerIndex', 'maxFailedIndexes'], place, faults);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    faults.required(`${place}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified');
  }
  if (spec.managedBy !== undefined) checkManagedBy(spec.managedBy, `${place}.managedBy`, faults);
  checkCompletionMode(spec, place, faults);
  checkFailurePolicy(spec, `${place}.podFailurePolicy.rules`, faults);
  if (spec.successPolicy) {
    if (spec.completionMode === 'Indexed') checkSuccessPolicy(spec, `${place}.successPolicy.rules`, faults);
    else faults.invalid(`${place}.successPolicy`, goJsonOf('batch/v1.SuccessPolicy', spec.successPolicy), NEEDS_INDEXES);
  }
  if (spec.podReplacementPolicy !== undefined) {
    faults.strictlyOneOf(`${place}.podReplacementPolicy`, spec.podReplacementPolicy, spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']);
  }
  checkPodTemplate(spec.template ?? {}, `${place}.template`, faults, rules);
  checkRestartPolicy(spec, `${place}.template.spec.restartPolicy`, faults);
}

function checkRestartPolicy(spec: JobSpec, place: string, faults: Faults): void {
  const policy = spec.template?.spec?.restartPolicy ?? '';
  if (policy === '' || policy === 'Always') faults.required(place, 'valid values: "OnFailure", "Never"');
  else if (policy !== 'OnFailure' && policy !== 'Never') faults.notSupported(place, policy, ['OnFailure', 'Never']);
  else if (spec.podFailurePolicy && policy !== 'Never') faults.invalid(place, policy, 'only "Never" is supported when podFailurePolicy is specified');
}

/** `example.com/controller`. */
function checkManagedBy(name: string, place: string, faults: Faults): void {
  checkDomainPrefixedPath(name, place, faults);
  if (name.length > MANAGED_BY_MAX) faults.tooLong(place, MANAGED_BY_MAX);
}

const PATH_PATTERN = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

export function checkDomainPrefixedPath(name: string, place: string, faults: Faults): void {
  if (name === '') return faults.required(place);
  const slash = name.indexOf('/');
  const [domain, path] = slash === -1 ? ['', ''] : [name.slice(0, slash), name.slice(slash + 1)];
  if (domain === '' || path === '') return faults.invalid(place, name, 'must be a domain-prefixed path (such as "acme.io/foo")');
  faults.invalidAll(place, domain, dns1123SubdomainFaults(domain));
  if (!new RegExp(`^${PATH_PATTERN}$`).test(path)) faults.invalid(place, path, `Invalid path (regex used for validation is '${PATH_PATTERN}')`);
}

function checkCompletionMode(spec: JobSpec, place: string, faults: Faults): void {
  const { completionMode: mode, completions, parallelism, maxFailedIndexes: maxFailed } = spec;
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') faults.notSupported(`${place}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  if (mode === undefined || mode === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      if (spec[field] !== undefined) faults.invalid(`${place}.${field}`, spec[field], NEEDS_INDEXES);
    }
  }
  if (mode !== 'Indexed') return;
  if (completions === undefined) faults.required(`${place}.completions`, 'when completion mode is Indexed');
  const atMost = (field: 'parallelism' | 'maxFailedIndexes', max: number, text: string): void => {
    if ((spec[field] ?? 0) > max) faults.invalid(`${place}.${field}`, spec[field], `must be less than or equal to ${text}`);
  };
  atMost('parallelism', PARALLELISM_MAX, `${PARALLELISM_MAX} when completion mode is Indexed`);
  if (completions !== undefined) atMost('maxFailedIndexes', completions, 'completions');
  atMost('maxFailedIndexes', FAILED_INDEXES_MAX, String(FAILED_INDEXES_MAX));
  if ((completions ?? 0) <= COMPLETIONS_SOFT_LIMIT || spec.backoffLimitPerIndex === undefined) return;
  const text = `${LOWER_LIMIT} when completions are above ${COMPLETIONS_SOFT_LIMIT} and used with backoff limit per index`;
  if (maxFailed === undefined) faults.required(`${place}.maxFailedIndexes`, `must be specified when completions is above ${COMPLETIONS_SOFT_LIMIT}`);
  if (parallelism !== undefined) atMost('parallelism', LOWER_LIMIT, text);
  atMost('maxFailedIndexes', LOWER_LIMIT, text);
}

function checkFailurePolicy(spec: JobSpec, place: string, faults: Faults): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > FAILURE_RULES_MAX) faults.tooMany(place, rules.length, FAILURE_RULES_MAX);
  const podSpec = spec.template?.spec;
  const names = [...(podSpec?.containers ?? []), ...(podSpec?.initContainers ?? [])].map((container) => container.name);
  for (const [index, rule] of rules.entries()) checkFailureRule(rule, spec, names, `${place}[${index}]`, faults);
}

function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => `"${value}"`).join(' ')}]`;
}

function checkFailureRule(rule: PodFailurePolicyRule, spec: JobSpec, names: readonly string[], at: string, faults: Faults): void {
  if (!rule.action) faults.required(`${at}.action`, validValues(ACTIONS));
  else if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    faults.invalid(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set');
  } else {
    faults.strictlyOneOf(`${at}.action`, rule.action, ACTIONS);
  }
  const patterns = rule.onPodConditions ?? [];
  if (rule.onExitCodes) checkExitCodes(rule.onExitCodes, names, `${at}.onExitCodes`, faults);
  if (patterns.length > CONDITIONS_MAX) faults.tooMany(`${at}.onPodConditions`, patterns.length, CONDITIONS_MAX);
  for (const [index, pattern] of patterns.entries()) {
    const patternAt = `${at}.onPodConditions[${index}]`;
    faults.invalidAll(`${patternAt}.type`, pattern.type, qualifiedNameFaults(pattern.type ?? ''));
    if (!pattern.status) faults.required(`${patternAt}.status`, validValues(['False', 'True', 'Unknown']));
    else faults.strictlyOneOf(`${patternAt}.status`, pattern.status, ['False', 'True', 'Unknown']);
  }
  const both = rule.onExitCodes && patterns.length > 0;
  const neither = !rule.onExitCodes && patterns.length === 0;
  if (both) faults.add([invalid(at, OMIT_VALUE, 'specifying both OnExitCodes and OnPodConditions is not supported')]);
  if (neither) faults.add([invalid(at, OMIT_VALUE, 'specifying one of OnExitCodes and OnPodConditions is required')]);
}

function checkExitCodes(requirement: PodFailurePolicyOnExitCodesRequirement, names: readonly string[], at: string, faults: Faults): void {
  const { operator, containerName } = requirement;
  const values = requirement.values ?? [];
  if (!operator) faults.required(`${at}.operator`, validValues(['In', 'NotIn']));
  else faults.strictlyOneOf(`${at}.operator`, operator, ['In', 'NotIn']);
  if (containerName !== undefined && !names.includes(containerName)) {
    faults.invalid(`${at}.containerName`, containerName, 'must be one of the container or initContainer names in the pod template');
  }
  if (values.length === 0) faults.invalid(`${at}.values`, requirement.values ?? null, 'at least one value is required');
  else if (values.length > EXIT_CODES_MAX) faults.tooMany(`${at}.values`, values.length, EXIT_CODES_MAX);
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0) faults.invalid(`${at}.values[${index}]`, value, 'must not be 0 for the In operator');
    if (seen.has(value)) faults.duplicate(`${at}.values[${index}]`, value);
    seen.add(value);
  }
  if (values.some((value, index) => index > 0 && values[index - 1]! > value)) faults.invalid(`${at}.values`, values, 'must be ordered');
}

function checkSuccessPolicy(spec: JobSpec, place: string, faults: Faults): void {
  const rules = spec.successPolicy?.rules ?? [];
  if (rules.length === 0) faults.required(place, 'at least one rules must be specified when the successPolicy is specified');
  if (rules.length > SUCCESS_RULES_MAX) faults.tooMany(place, rules.length, SUCCESS_RULES_MAX);
  for (const [index, rule] of rules.entries()) checkSuccessRule(rule, spec.completions ?? 0, `${place}[${index}]`, faults);
}

function checkSuccessRule(rule: SuccessPolicyRule, completions: number, at: string, faults: Faults): void {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  if (count === undefined && indexes === undefined) faults.required(at, 'at least one of succeededCount or succeededIndexes must be specified');
  let total = 0;
  if (indexes !== undefined) {
    if (indexes.length > SUCCEEDED_INDEXES_BYTES_MAX) faults.tooLong(`${at}.succeededIndexes`, SUCCEEDED_INDEXES_BYTES_MAX);
    const read = readIndexes(indexes, completions);
    if (typeof read === 'string') faults.invalid(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${read}`);
    else total = read.total;
  }
  if (count === undefined) return;
  faults.nonNegative(`${at}.succeededCount`, count);
  if (count > completions) {
    faults.invalid(`${at}.succeededCount`, count, `must be less than or equal to ${completions} (the number of specified completions)`);
  }
  if (indexes !== undefined && count > total) {
    faults.invalid(`${at}.succeededCount`, count, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`);
  }
}

export function jobSpecWarnings(spec: JobSpec | undefined, place: string): string[] {
  const isHuge = spec?.completionMode === 'Indexed' && (spec.completions ?? 0) > COMPLETIONS_SOFT_LIMIT && (spec.parallelism ?? 0) > LOWER_LIMIT;
  return [
    ...(isHuge ? [`${place}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able `
      + 'to track completedIndexes when a big number of indexes fail'] : []),
    ...templateWarnings(spec?.template, `${place}.template`),
  ];
}
