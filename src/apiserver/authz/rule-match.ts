/** Whether one RBAC rule allows one request. */
import type { PolicyRule } from '#api/generated/rbac/v1';
import type { AuthorizationAttributes } from './authorizer.ts';

export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!hasOrStar(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResourceRequest) return (rule.nonResourceURLs ?? []).some((url) => urlCovers(url, attributes.path));
  return hasOrStar(rule.apiGroups, attributes.group)
    && resourceMatches(rule.resources, attributes.resource, attributes.subresource)
    && nameMatches(rule.resourceNames, attributes.name);
}

function hasOrStar(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(value) || list.includes('*'));
}

function resourceMatches(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (resources === undefined) return false;
  if (subresource === '') return hasOrStar(resources, resource);
  return hasOrStar(resources, `${resource}/${subresource}`) || resources.includes(`*/${subresource}`);
}

function nameMatches(names: readonly string[] | undefined, name: string): boolean {
  return names === undefined || names.length === 0 || names.includes(name);
}

/** `/logs/*` covers what begins with `/logs/`; `*` covers all. */
export function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));
}
