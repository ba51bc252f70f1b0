/** Whether a webhook or policy is about a write at all, and in which version it wants to see it. */
import type { LabelSelector } from '#machinery/meta';
import type { ResourceTable } from '../../resource-table.ts';
import type { AdmissionDependencies } from '../dependencies.ts';
import type { AdmissionAttributes } from '../plugin.ts';
import type { Invocation } from './admission-request.ts';
import { ruleMatches, type Rule } from './match-rules.ts';
import { equivalentsOf, kindOf, resourceOf } from './object-forms.ts';
import { namespaceMatches, objectMatches } from './selectors.ts';

export interface MatchResources {
  /** `all`: a policy without rules of its own. */
  readonly rules: readonly Rule[] | 'all';
  /** Policies only; these win. */
  readonly excluded?: readonly Rule[];
  readonly matchPolicy?: string;
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
}

export interface MatchDependencies extends Pick<AdmissionDependencies, 'client' | 'informers'> { readonly table: ResourceTable }

/** @returns undefined: not about it. @throws StatusError 404, 500, where it is about it but for a namespace that cannot be found */
export async function matchResources(dependencies: MatchDependencies, wanted: MatchResources, attributes: AdmissionAttributes): Promise<Invocation | undefined> {
  if (!objectMatches(wanted.objectSelector, attributes)) return undefined;
  const invocation = invocationOf(dependencies.table, wanted, attributes);
  if (invocation === undefined) return undefined;
  return await namespaceMatches(dependencies, wanted.namespaceSelector, attributes) ? invocation : undefined;
}

function invocationOf(table: ResourceTable, { rules, excluded = [], matchPolicy }: MatchResources, attributes: AdmissionAttributes): Invocation | undefined {
  const isEquivalent = matchPolicy === 'Equivalent';
  if (excluded.length > 0 && findInvocation(table, excluded, isEquivalent, attributes) !== undefined) return undefined;
  if (rules === 'all') return { resource: resourceOf(attributes), kind: kindOf(attributes) };
  return findInvocation(table, rules, isEquivalent, attributes);
}

/** The request's own version first, then the earlier rule before the earlier version. */
function findInvocation(table: ResourceTable, rules: readonly Rule[], isEquivalent: boolean, attributes: AdmissionAttributes): Invocation | undefined {
  const resource = resourceOf(attributes);
  if (rules.some((rule) => ruleMatches(rule, attributes, resource))) return { resource, kind: kindOf(attributes) };
  if (!isEquivalent) return undefined;
  const equivalents = equivalentsOf(table, attributes);
  for (const rule of rules) {
    const found = equivalents.find((one) => ruleMatches(rule, attributes, one.resource));
    if (found !== undefined) return found;
  }
  return undefined;
}
