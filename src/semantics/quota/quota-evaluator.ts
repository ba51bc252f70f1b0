/** What an evaluator answers about objects of one kind. `evaluator.ts` has the right one for each kind. */
import type { ScopedResourceSelectorRequirement } from '#api/generated/core/v1';
import type { KubeObject } from '#machinery/meta';
import type { Amounts } from './amounts.ts';

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
