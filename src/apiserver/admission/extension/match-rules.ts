/** Whether a rule of a webhook or policy is about a write: operation, group, version, resource, scope. */
import type { AdmissionAttributes } from '../plugin.ts';

export interface Rule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  readonly scope?: string;
  /** Policies only. */
  readonly resourceNames?: readonly string[];
}

export interface GroupVersionResource { readonly group: string; readonly version: string; readonly resource: string }

/** @param as the resource that is looked for in place of the request's own. */
export function ruleMatches(rule: Rule, attributes: AdmissionAttributes, as: GroupVersionResource): boolean {
  return scopeMatches(rule.scope, attributes, as) && includes(rule.operations, attributes.operation) && includes(rule.apiGroups, as.group)
    && includes(rule.apiVersions, as.version) && resourceMatches(rule.resources, as.resource, attributes.subresource)
    && (rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(attributes.name));
}

function includes(items: readonly string[] | undefined, wanted: string): boolean {
  return items?.some((item) => item === '*' || item === wanted) === true;
}

/** A namespace object is in itself, but it is not namespaced. */
function scopeMatches(scope: string | undefined, { namespace }: AdmissionAttributes, as: GroupVersionResource): boolean {
  if (scope === undefined || scope === '*') return true;
  const isCluster = namespace === '' || (as.group === '' && as.version === 'v1' && as.resource === 'namespaces');
  return (scope === 'Cluster') === isCluster;
}

function resourceMatches(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  return resources?.some((text) => {
    const slash = text.indexOf('/');
    const [main, sub] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
    return (main === '*' || main === resource) && (sub === '*' || sub === subresource);
  }) === true;
}

const EXEMPT: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding',
]);

/** What configures admission cannot be locked by it. */
export function isExempt({ kind, object, oldObject }: AdmissionAttributes): boolean {
  return EXEMPT.has(kind) && (object ?? oldObject)?.apiVersion?.startsWith('admissionregistration.k8s.io/') === true;
}
