/**
 * How much of a quota an object uses, for each kind of object: for admission, which charges it, and for the quota controller,
 * which counts again.
 */
import { newQuantity } from '#machinery/quantity';
import { claimEvaluator } from './claim-evaluator.ts';
import { podEvaluator } from './pod-evaluator.ts';
import type { QuotaEvaluator } from './quota-evaluator.ts';
import { resourceClaimEvaluator } from './resource-claim-evaluator.ts';
import { serviceEvaluator } from './service-evaluator.ts';

/** The names these had before `count/…`. */
const ALIASED: ReadonlySet<string> = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

/** Kinds with more than a count have their own evaluator. */
export function quotaEvaluator(group: string, resource: string): QuotaEvaluator {
  const key = `${group}/${resource}`;
  if (key === '/pods') return podEvaluator;
  if (key === '/services') return serviceEvaluator;
  if (key === '/persistentvolumeclaims') return claimEvaluator;
  if (key === 'resource.k8s.io/resourceclaims') return resourceClaimEvaluator;
  const names = [countName(group, resource), ...(group === '' && ALIASED.has(resource) ? [resource] : [])];
  return {
    handles: (operation, subresource) => operation === 'CREATE' && subresource === '',
    matchingResources: (limited) => limited.filter((name) => names.includes(name)),
    matchesScope: () => false,
    usage: () => Object.fromEntries(names.map((name) => [name, newQuantity(1)])),
  };
}

function countName(group: string, resource: string): string {
  return `count/${resource}${group === '' ? '' : `.${group}`}`;
}
