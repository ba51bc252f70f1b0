/**
 * How much of a quota an object uses, for each kind of object: for admission, which charges it, and for the quota controller,
 * which counts again.
 */
import type { ScopedResourceSelectorRequirement } from '#api/generated/core/v1';
import type { KubeObject } from '#machinery/meta';
import { newQuantity } from '#machinery/quantity';
import type { Amounts } from './amounts.ts';
import { claimEvaluator } from './claim-evaluator.ts';
import { podEvaluator } from './pod-evaluator.ts';
import { resourceClaimEvaluator } from './resource-claim-evaluator.ts';
import { serviceEvaluator } from './service-evaluator.ts';

export interface QuotaEvaluator {
  /** Whether this write can change what is used. */
  handles(operation: 'CREATE' | 'UPDATE', subresource: string, object: KubeObject, old: KubeObject | undefined): boolean;
  /** Of the resources a quota limits, those that such objects use. */
  matchingResources(names: readonly string[]): string[];
  matchesScope(selector: ScopedResourceSelectorRequirement, object: KubeObject): boolean;
  /** Why the object cannot be counted; undefined when it can. */
  constraintFault?(required: readonly string[], object: KubeObject): string | undefined;
  usage(object: KubeObject, nowMs: number): Amounts;
}

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

export function countName(group: string, resource: string): string {
  return `count/${resource}${group === '' ? '' : `.${group}`}`;
}
