/** Whether a policy, and then a binding of it, is about a write. */
import type { MatchResources as ApiMatchResources } from '#api/generated/admissionregistration/v1';
import type { Invocation } from '../extension/admission-request.ts';
import { matchResources, type MatchDependencies } from '../extension/match-resources.ts';
import type { AdmissionAttributes } from '../plugin.ts';

/** @returns undefined: not about it. @throws StatusError */
export function matchPolicyResources(dependencies: MatchDependencies, wanted: ApiMatchResources, attributes: AdmissionAttributes): Promise<Invocation | undefined> {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy, namespaceSelector, objectSelector } = wanted;
  return matchResources(dependencies, {
    rules: resourceRules.length === 0 ? 'all' : resourceRules, excluded: excludeResourceRules, ...(matchPolicy === undefined ? {} : { matchPolicy }),
    ...(namespaceSelector === undefined ? {} : { namespaceSelector }), ...(objectSelector === undefined ? {} : { objectSelector }),
  }, attributes);
}
