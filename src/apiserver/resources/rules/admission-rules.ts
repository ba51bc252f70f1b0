/** The rules of admission rules: which operations on which resources a webhook or policy is about. */
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '#api/generated/admissionregistration/v1';
import { pathSegmentNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { checkLabelSelector } from './selectors.ts';

export const FAILURE_POLICIES = ['Fail', 'Ignore'];
export const MATCH_POLICIES = ['Equivalent', 'Exact'];
export const REINVOCATION_POLICIES = ['IfNeeded', 'Never'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MUTATING_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const RESERVED_SUFFIX = '.static.k8s.io';

export function checkRule(rule: RuleWithOperations, at: string, faults: Faults): void {
  const operations = rule.operations ?? [];
  if (operations.length === 0) faults.required(`${at}.operations`);
  checkAlone(operations, '*', `${at}.operations`, "if '*' is present, must not specify other operations", faults);
  for (const [index, operation] of operations.entries()) faults.strictlyOneOf(`${at}.operations[${index}]`, operation, OPERATIONS);
  const groups = rule.apiGroups ?? [];
  if (groups.length === 0) faults.required(`${at}.apiGroups`);
  checkAlone(groups, '*', `${at}.apiGroups`, "if '*' is present, must not specify other API groups", faults);
  const versions = rule.apiVersions ?? [];
  if (versions.length === 0) faults.required(`${at}.apiVersions`);
  checkAlone(versions, '*', `${at}.apiVersions`, "if '*' is present, must not specify other API versions", faults);
  for (const [index, version] of versions.entries()) if (version === '') faults.required(`${at}.apiVersions[${index}]`);
  checkResources(rule.resources ?? [], `${at}.resources`, faults);
  if (rule.scope !== undefined) faults.strictlyOneOf(`${at}.scope`, rule.scope, SCOPES);
}

function checkAlone(values: readonly string[], wildcard: string, place: string, text: string, faults: Faults): void {
  if (values.length > 1 && values.includes(wildcard)) faults.invalid(place, values, text);
}

function checkResources(resources: readonly string[], place: string, faults: Faults): void {
  if (resources.length === 0) faults.required(place);
  const allSubresourcesOf = new Set<string>();
  const ofAllResources = new Set<string>();
  // As upstream has it, the last resource without a subresource decides.
  let hasPlainResource = false;
  for (const [index, text] of resources.entries()) {
    const at = `${place}[${index}]`;
    if (text === '') {
      faults.required(at);
      continue;
    }
    const slash = text.indexOf('/');
    if (slash === -1) {
      hasPlainResource = text !== '*';
      continue;
    }
    const resource = text.slice(0, slash);
    const subresource = text.slice(slash + 1);
    if (allSubresourcesOf.has(resource)) faults.invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`);
    if (ofAllResources.has(subresource)) faults.invalid(at, text, `if '*/${subresource}' is present, must not specify ${text}`);
    if (subresource === '*') allSubresourcesOf.add(resource);
    if (resource === '*') ofAllResources.add(subresource);
  }
  checkAlone(resources, '*/*', place, "if '*/*' is present, must not specify other resources", faults);
  if (resources.includes('*') && hasPlainResource) {
    faults.invalid(place, resources, "if '*' is present, must not specify other resources without subresources");
  }
}

function checkNamedRule(rule: NamedRuleWithOperations, at: string, faults: Faults): void {
  const names = new Set<string>();
  for (const [index, name] of (rule.resourceNames ?? []).entries()) {
    faults.invalidAll(`${at}.resourceNames[${index}]`, name, pathSegmentNameFaults(name));
    if (names.has(name)) faults.duplicate(`${at}.resourceNames[${index}]`, name);
    names.add(name);
  }
  checkRule(rule, at, faults);
}

export function checkMatchResources(match: MatchResources, place: string, faults: Faults): void {
  if (match.matchPolicy === undefined) faults.required(`${place}.matchPolicy`);
  else faults.strictlyOneOf(`${place}.matchPolicy`, match.matchPolicy, MATCH_POLICIES);
  for (const selector of ['namespaceSelector', 'objectSelector'] as const) {
    if (match[selector]) checkLabelSelector(match[selector], `${place}.${selector}`, faults);
    else faults.required(`${place}.${selector}`);
  }
  for (const list of ['resourceRules', 'excludeResourceRules'] as const) {
    for (const [index, rule] of (match[list] ?? []).entries()) checkNamedRule(rule, `${place}.${list}[${index}]`, faults);
  }
}

/** What is deleted cannot be mutated. */
export function checkMutatingOperations(match: MatchResources, place: string, faults: Faults): void {
  for (const rule of match.resourceRules ?? []) {
    for (const operation of rule.operations ?? []) faults.strictlyOneOf(`${place}.resourceRules.operations`, operation, MUTATING_OPERATIONS);
  }
}

export function defaultRuleScopes(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRuleScopes(match.resourceRules);
  defaultRuleScopes(match.excludeResourceRules);
}

/** Names with this ending belong to configuration files. */
export function reservedNameWarnings(name: string | undefined): string[] {
  if (!name?.endsWith(RESERVED_SUFFIX)) return [];
  return [`metadata.name: names ending with "${RESERVED_SUFFIX}" are reserved for static manifest-based configurations and cannot be managed via the API`];
}
