/**
 * Resource quotas: a write that would go above one is refused; one that fits is charged before it is stored.
 *
 * Charging is a compare-and-swap on the quota's own status, checked anew against whatever stands there, so that any
 * number of creators together never overspend. A charge for a write that fails afterwards is taken back by the quota
 * controller's next count.
 */
import { resourcequotas, type ResourceQuota } from '#api/generated/core/v1';
import { formatQuantity, parseQuantity } from '#machinery/quantity';
import { newNotFound } from '#machinery/status-error';
import { addAmounts, amountsText, exceeding, increase, isEmpty, negative, only, withoutZeros, type Amounts } from '#semantics/quota/amounts';
import { quotaEvaluator } from '#semantics/quota/evaluator';
import type { QuotaEvaluator } from '#semantics/quota/quota-evaluator';
import { scopesOf } from '#semantics/quota/scope';
import type { KubeObject } from '#machinery/meta';
import type { StoredObjects } from '../resources/decisions/stored-objects.ts';
import type { AdmissionDependencies } from './dependencies.ts';
import { freshLister } from './fresh-lister.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { refused } from './refusal.ts';

const IGNORED: ReadonlySet<string> = new Set([
  '/events', 'events.k8s.io/events', '/bindings', '/componentstatuses', 'authentication.k8s.io/tokenreviews', 'authorization.k8s.io/subjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews', 'authorization.k8s.io/localsubjectaccessreviews', 'authorization.k8s.io/selfsubjectrulesreviews',
]);

export function resourceQuota(dependencies: AdmissionDependencies, quotas: StoredObjects<ResourceQuota>): AdmissionPlugin {
  const listQuotas = freshLister(dependencies, resourcequotas);
  return {
    name: 'ResourceQuota',
    async validate(attributes) {
      const { info, operation, namespace, subresource, object, oldObject, dryRun } = attributes;
      if (namespace === '' || (operation !== 'CREATE' && operation !== 'UPDATE') || object === undefined) return;
      const key = `${info.group}/${info.resource}`;
      if (IGNORED.has(key) || key === '/namespaces') return;
      const evaluator = quotaEvaluator(info.group, info.resource);
      if (!evaluator.handles(operation, subresource, object, oldObject)) return;
      const all = await listQuotas(namespace, attributes);
      if (all.length === 0) return;
      const charge = charger(attributes, evaluator, object, dependencies.clock.now());
      const charged = [...all].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1)).filter((quota) => charge(quota) !== undefined);
      if (dryRun) return;
      for (const { metadata } of charged) {
        await quotas.change(namespace, metadata.name!, (quota) => {
          if (quota === undefined) throw newNotFound('', 'resourcequotas', metadata.name!);
          const used = charge(quota);
          if (used === undefined) return quota;
          return { ...quota, status: { ...quota.status, used: Object.fromEntries(Object.entries(used).map(([name, amount]) => [name, formatQuantity(amount)])) } };
        }, { dryRun, signal: attributes.signal }).catch((error: unknown) => { if (!isGone(error)) throw error; });
      }
    },
  };
}

/** A quota that was deleted meanwhile limits nothing. */
function isGone(error: unknown): boolean {
  return (error as { reason?: string }).reason === 'NotFound';
}

/** @returns a function giving what the quota's `used` becomes; undefined when it is not touched. It throws when it does not fit. */
function charger(attributes: AdmissionAttributes, evaluator: QuotaEvaluator, object: KubeObject, nowMs: number): (quota: ResourceQuota) => Amounts | undefined {
  const { oldObject, operation, subresource } = attributes;
  const usage = evaluator.usage(object, nowMs);
  const previous = operation === 'UPDATE' && oldObject !== undefined ? evaluator.usage(oldObject, nowMs) : undefined;
  return (quota) => {
    const name = quota.metadata.name!;
    const hard = parsed(quota.status?.hard);
    const limited = evaluator.matchingResources(Object.keys(hard));
    if (limited.length === 0 || !inScope(evaluator, quota, object)) return undefined;
    const fault = evaluator.constraintFault?.(limited, object);
    if (fault !== undefined) throw refused(attributes, `failed quota: ${name}: ${fault}`);
    const used = parsed(quota.status?.used);
    const unknown = limited.some((each) => used[each] === undefined);
    if (unknown) throw refused(attributes, `status unknown for quota: ${name}, resources: ${[...limited].sort().join(',')}`);
    const below = negative(usage);
    if (below.length > 0) throw refused(attributes, `quota usage is negative for resource(s): ${below.sort().join(',')}`);
    const counted = previous !== undefined && inScope(evaluator, quota, oldObject!) ? increase(usage, previous) : usage;
    const delta = only(withoutZeros(counted), Object.keys(hard));
    if (isEmpty(delta)) return undefined;
    const after = addAmounts(used, delta);
    const above = subresource === 'status' ? [] : exceeding(only(after, Object.keys(delta)), hard);
    if (above.length > 0) {
      throw refused(attributes, `exceeded quota: ${name}, requested: ${amountsText(only(delta, above))}, used: ${amountsText(only(used, above))}, limited: ${amountsText(only(hard, above))}`);
    }
    return after;
  };
}

function inScope(evaluator: QuotaEvaluator, { spec }: ResourceQuota, object: KubeObject): boolean {
  return scopesOf(spec).every((selector) => evaluator.matchesScope(selector, object));
}

function parsed(list: Readonly<Record<string, string>> | undefined): Amounts {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}
