/**
 * The audit policy (`audit.k8s.io/v1`): the first rule that matches a request says how much of it is written down.
 *
 * Rules look at the caller himself, not at whom he acts as. A request that no rule matches is not audited.
 */
import { load } from 'js-yaml';
import type { RequestInfo, UserInfo } from '../request.ts';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof LEVELS)[number];
export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof STAGES)[number];

export interface GroupResources { readonly group?: string; readonly resources?: readonly string[]; readonly resourceNames?: readonly string[] }

export interface AuditRule {
  readonly level: Level;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly Stage[];
  readonly omitManagedFields?: boolean;
}

export interface AuditPolicy { readonly rules: readonly AuditRule[]; readonly omitStages: readonly Stage[]; readonly omitManagedFields: boolean }

/** How one request is audited. */
export interface AuditDecision { readonly level: Level; readonly omitStages: ReadonlySet<Stage>; readonly omitManagedFields: boolean }

const NOT_AUDITED: AuditDecision = { level: 'None', omitStages: new Set(), omitManagedFields: false };

/** Each fault with the field it is in. */
export class AuditPolicyError extends Error {}

/** @param source named in faults. @throws AuditPolicyError */
export function parseAuditPolicy(text: string, source: string): AuditPolicy {
  let document: unknown;
  try {
    document = load(text);
  } catch (error) {
    throw new AuditPolicyError(`${source}: ${(error as Error).message}`);
  }
  const fail = (field: string, what: string): never => { throw new AuditPolicyError(`${source}: ${field}: ${what}`); };
  const policy = document as { apiVersion?: string; kind?: string; rules?: unknown; omitStages?: unknown; omitManagedFields?: unknown } | null;
  if (typeof policy !== 'object' || policy === null) return fail('<document>', 'must be an audit policy');
  if (policy.apiVersion !== 'audit.k8s.io/v1' || policy.kind !== 'Policy') fail('apiVersion', 'must be audit.k8s.io/v1, of kind Policy');
  if (!Array.isArray(policy.rules) || policy.rules.length === 0) return fail('rules', 'must hold at least one rule');
  const rules = policy.rules.map((rule: unknown, i) => checkRule(rule, `rules[${i}]`, fail));
  return { rules, omitStages: stages(policy.omitStages, 'omitStages', fail), omitManagedFields: policy.omitManagedFields === true };
}

type Fail = (field: string, what: string) => never;

const RULE_FIELDS: ReadonlySet<string> = new Set([
  'level', 'users', 'userGroups', 'verbs', 'resources', 'namespaces', 'nonResourceURLs', 'omitStages', 'omitManagedFields',
]);

function checkRule(value: unknown, place: string, fail: Fail): AuditRule {
  if (typeof value !== 'object' || value === null) return fail(place, 'must be a rule');
  const rule = value as Record<string, unknown>;
  for (const field of Object.keys(rule)) if (!RULE_FIELDS.has(field)) fail(`${place}.${field}`, 'unknown field');
  if (!LEVELS.includes(rule['level'] as Level)) fail(`${place}.level`, `must be one of ${LEVELS.join(', ')}`);
  for (const field of ['users', 'userGroups', 'verbs', 'namespaces', 'nonResourceURLs']) {
    const list = rule[field];
    if (list !== undefined && !(Array.isArray(list) && list.every((entry) => typeof entry === 'string'))) fail(`${place}.${field}`, 'must be a list of strings');
  }
  const urls = rule['nonResourceURLs'] as string[] | undefined;
  const resources = rule['resources'] as GroupResources[] | undefined;
  if (resources !== undefined && !Array.isArray(resources)) fail(`${place}.resources`, 'must be a list');
  if ((urls ?? []).length > 0 && ((resources ?? []).length > 0 || ((rule['namespaces'] as string[] | undefined) ?? []).length > 0)) {
    fail(`${place}.nonResourceURLs`, 'rules cannot apply to both regular resources and non-resource URLs');
  }
  for (const url of urls ?? []) {
    const star = url.indexOf('*');
    if (url !== '*' && (!url.startsWith('/') || (star >= 0 && star < url.length - 1))) fail(`${place}.nonResourceURLs`, `${JSON.stringify(url)} must begin with / and may have a * at its end only`);
  }
  for (const [i, group] of (resources ?? []).entries()) {
    if (typeof group !== 'object' || group === null) fail(`${place}.resources[${i}]`, 'must have a group and resources');
    if ((group.resourceNames ?? []).length > 0 && (group.resources ?? []).length === 0) fail(`${place}.resources[${i}].resources`, 'using resourceNames requires at least one resource');
  }
  return { ...rule, omitStages: stages(rule['omitStages'], `${place}.omitStages`, fail) } as unknown as AuditRule;
}

function stages(value: unknown, place: string, fail: Fail): Stage[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((stage) => STAGES.includes(stage as Stage))) return fail(place, `must be a list of ${STAGES.join(', ')}`);
  return value as Stage[];
}

export function auditDecision(policy: AuditPolicy, user: UserInfo, info: RequestInfo): AuditDecision {
  const rule = policy.rules.find((each) => matches(each, user, info));
  if (rule === undefined || rule.level === 'None') return NOT_AUDITED;
  return {
    level: rule.level, omitStages: new Set([...policy.omitStages, ...rule.omitStages ?? []]),
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
  };
}

const some = (list: readonly string[] | undefined): list is readonly string[] => list !== undefined && list.length > 0;

function matches(rule: AuditRule, user: UserInfo, info: RequestInfo): boolean {
  if (some(rule.users) && !rule.users.includes(user.name)) return false;
  if (some(rule.userGroups) && !user.groups.some((group) => rule.userGroups!.includes(group))) return false;
  if (some(rule.verbs) && !rule.verbs.includes(info.verb)) return false;
  const aboutResources = some(rule.namespaces) || (rule.resources ?? []).length > 0;
  if (aboutResources) return info.isResourceRequest && matchesResource(rule, info);
  if (some(rule.nonResourceURLs)) {
    return !info.isResourceRequest && rule.nonResourceURLs.some((url) => url === '*' || url === info.path || (url.endsWith('*') && info.path.startsWith(url.replace(/\*+$/, ''))));
  }
  return true;
}

function matchesResource(rule: AuditRule, info: RequestInfo): boolean {
  if (some(rule.namespaces) && !rule.namespaces.includes(info.namespace)) return false;
  if ((rule.resources ?? []).length === 0) return true;
  const full = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return rule.resources!.some(({ group = '', resources = [], resourceNames = [] }) => {
    if (group !== info.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false;
    return resources.some((resource) => {
      if (resource === '*' || resource === full) return true;
      if (resource.startsWith('*/')) return info.subresource !== '' && resource.slice(2) === info.subresource;
      return resource.endsWith('/*') && resource.slice(0, -2) === info.resource;
    });
  });
}
