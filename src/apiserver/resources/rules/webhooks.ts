/**
 * The rules of admission webhooks, validating and mutating.
 *
 * A stored configuration that breaks a younger rule (side effects, known review versions, unique names) may go on breaking it.
 */
import type { MutatingWebhook, ValidatingWebhook } from '#api/generated/admissionregistration/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import { checkRule, defaultRuleScopes, FAILURE_POLICIES, MATCH_POLICIES, REINVOCATION_POLICIES } from './admission-rules.ts';
import type { Faults } from './faults.ts';
import { checkMatchConditions, conditionExpressions } from './match-conditions.ts';
import { checkLabelSelector } from './selectors.ts';
import { checkClientAddress, defaultServicePort } from './webhook-client.ts';

export type Webhook = ValidatingWebhook & Partial<Pick<MutatingWebhook, 'reinvocationPolicy'>>;

const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const NO_SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const TIMEOUT_SECONDS_MAX = 30;
const DEFAULT_TIMEOUT_SECONDS = 10;

export function defaultWebhooks(hooks: readonly Webhook[] | undefined, mutating: boolean): void {
  for (const hook of hooks ?? []) {
    hook.failurePolicy ??= 'Fail';
    hook.matchPolicy ??= 'Equivalent';
    hook.namespaceSelector ??= {};
    hook.objectSelector ??= {};
    hook.timeoutSeconds ??= DEFAULT_TIMEOUT_SECONDS;
    if (mutating) hook.reinvocationPolicy ??= 'Never';
    defaultRuleScopes(hook.rules);
    defaultServicePort(hook.clientConfig?.service);
  }
}

interface HookRules {
  readonly conditions: boolean;
  readonly noSideEffects: boolean;
  readonly knownVersion: boolean;
  readonly uniqueNames: boolean;
  readonly anyLabelValue: boolean;
  readonly storedExpressions: ReadonlySet<string>;
}

const STRICT: HookRules = {
  conditions: true, noSideEffects: true, knownVersion: true, uniqueNames: true, anyLabelValue: false, storedExpressions: new Set(),
};

function rulesBeside(hooks: readonly Webhook[], old: readonly Webhook[]): HookRules {
  const names = old.map(({ name }) => name);
  return {
    conditions: hooks.length !== old.length || hooks.some((hook, index) => !semanticEqual(hook.matchConditions, old[index]!.matchConditions)),
    noSideEffects: old.every(({ sideEffects }) => NO_SIDE_EFFECTS.includes(sideEffects ?? '')),
    knownVersion: old.every(({ admissionReviewVersions: versions = [] }) => versions.length === 0 || versions.some((one) => REVIEW_VERSIONS.includes(one))),
    uniqueNames: new Set(names).size === names.length,
    anyLabelValue: old.some((hook) => hasInvalidLabelValue(hook.namespaceSelector) || hasInvalidLabelValue(hook.objectSelector)),
    storedExpressions: new Set(old.flatMap((hook) => conditionExpressions(hook.matchConditions))),
  };
}

export function checkWebhooks(hooks: readonly Webhook[] | undefined, old: readonly Webhook[] | undefined, faults: Faults): void {
  const rules = old ? rulesBeside(hooks ?? [], old) : STRICT;
  const names = new Set<string>();
  for (const [index, hook] of (hooks ?? []).entries()) {
    const at = `webhooks[${index}]`;
    checkWebhook(hook, at, rules, faults);
    checkReviewVersions(hook.admissionReviewVersions ?? [], `${at}.admissionReviewVersions`, rules, faults);
    if (!hook.name || !rules.uniqueNames) continue;
    if (names.has(hook.name)) faults.duplicate(`${at}.name`, hook.name);
    names.add(hook.name);
  }
}

function checkWebhook(hook: Webhook, at: string, rules: HookRules, faults: Faults): void {
  checkFullName(hook.name ?? '', `${at}.name`, faults);
  for (const [index, rule] of (hook.rules ?? []).entries()) checkRule(rule, `${at}.rules[${index}]`, faults);
  if (hook.failurePolicy !== undefined) faults.strictlyOneOf(`${at}.failurePolicy`, hook.failurePolicy, FAILURE_POLICIES);
  if (hook.matchPolicy !== undefined) faults.strictlyOneOf(`${at}.matchPolicy`, hook.matchPolicy, MATCH_POLICIES);
  const effects = rules.noSideEffects ? NO_SIDE_EFFECTS : SIDE_EFFECTS;
  if (hook.sideEffects === undefined) faults.required(`${at}.sideEffects`, `must specify one of ${effects.join(', ')}`);
  else faults.strictlyOneOf(`${at}.sideEffects`, hook.sideEffects, effects);
  const timeout = hook.timeoutSeconds;
  if (timeout !== undefined && (timeout < 1 || timeout > TIMEOUT_SECONDS_MAX)) {
    faults.invalid(`${at}.timeoutSeconds`, timeout, `the timeout value must be between 1 and ${TIMEOUT_SECONDS_MAX} seconds`);
  }
  checkLabelSelector(hook.namespaceSelector, `${at}.namespaceSelector`, faults, { anyValue: rules.anyLabelValue });
  checkLabelSelector(hook.objectSelector, `${at}.objectSelector`, faults, { anyValue: rules.anyLabelValue });
  if (hook.reinvocationPolicy !== undefined) faults.strictlyOneOf(`${at}.reinvocationPolicy`, hook.reinvocationPolicy, REINVOCATION_POLICIES);
  checkClientAddress(hook.clientConfig ?? {}, `${at}.clientConfig`, faults);
  if (rules.conditions) checkMatchConditions(hook.matchConditions, false, rules.storedExpressions, `${at}.matchConditions`, faults);
}

function checkFullName(name: string, place: string, faults: Faults): void {
  if (name === '') return faults.required(place);
  const texts = dns1123SubdomainFaults(name);
  if (texts.length > 0) faults.invalid(place, name, texts.join(','));
  else if (name.split('.').length < 3) faults.invalid(place, name, 'should be a domain with at least three segments separated by dots');
}

function checkReviewVersions(versions: readonly string[], place: string, rules: HookRules, faults: Faults): void {
  if (versions.length === 0) return faults.required(place, `must specify one of ${REVIEW_VERSIONS.join(', ')}`);
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) faults.invalid(`${place}[${index}]`, version, 'duplicate version');
    else faults.invalidAll(`${place}[${index}]`, version, dns1035LabelFaults(version));
  }
  if (rules.knownVersion && !versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    faults.invalid(place, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
  }
}
