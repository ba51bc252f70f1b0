/** The rules of topology spread constraints, and of the label keys that they and pod affinity terms take from the pod. */
import type { TopologySpreadConstraint } from '#api/generated/core/v1';
import type { LabelSelector } from '#machinery/meta';
import type { Faults } from './faults.ts';
import { checkLabelName } from './metadata.ts';
import type { PodRules } from './pod-rules.ts';
import { checkLabelSelector } from './selectors.ts';

const NODE_POLICIES = ['Honor', 'Ignore'];

export function checkTopologySpread(constraints: readonly TopologySpreadConstraint[] | undefined, place: string, faults: Faults, rules: PodRules): void {
  for (const [index, constraint] of (constraints ?? []).entries()) {
    const at = `${place}[${index}]`;
    const action = constraint.whenUnsatisfiable ?? '';
    faults.positive(`${at}.maxSkew`, constraint.maxSkew);
    if (!constraint.topologyKey) faults.required(`${at}.topologyKey`, 'can not be empty');
    faults.strictlyOneOf(`${at}.whenUnsatisfiable`, action, ['DoNotSchedule', 'ScheduleAnyway']);
    const again = constraints!.slice(index + 1)
      .some((other) => other.topologyKey === constraint.topologyKey && other.whenUnsatisfiable === constraint.whenUnsatisfiable);
    if (again) faults.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${constraint.topologyKey ?? ''}, ${action}}`);
    if (constraint.minDomains !== undefined) {
      faults.positive(`${at}.minDomains`, constraint.minDomains);
      if (action !== 'DoNotSchedule') {
        faults.invalid(`${at}.minDomains`, constraint.minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`);
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      if (constraint[field] !== undefined) faults.strictlyOneOf(`${at}.${field}`, constraint[field], NODE_POLICIES);
    }
    checkConstraintKeys(constraint, at, faults, rules);
    if (!rules.tolerated.badSpreadSelector) checkLabelSelector(constraint.labelSelector, `${at}.labelSelector`, faults);
  }
}

function checkConstraintKeys(constraint: TopologySpreadConstraint, at: string, faults: Faults, rules: PodRules): void {
  const merges = rules.gate('MatchLabelKeysInPodTopologySpread') && rules.gate('MatchLabelKeysInPodTopologySpreadSelectorMerge');
  if (merges && !rules.tolerated.badSpreadLabelKeys) checkMatchLabelKeys(constraint.matchLabelKeys, undefined, constraint.labelSelector, at, faults);
  else checkKeysApartFromSelector(constraint.matchLabelKeys ?? [], constraint.labelSelector, `${at}.matchLabelKeys`, faults);
}

/** Before the keys' values were merged into the selector: no key may stand in both. */
function checkKeysApartFromSelector(keys: readonly string[], selector: LabelSelector | undefined, place: string, faults: Faults): void {
  if (keys.length === 0) return;
  if (!selector) faults.forbidden(place, 'must not be specified when labelSelector is not set');
  const inSelector = new Set([...Object.keys(selector?.matchLabels ?? {}), ...(selector?.matchExpressions ?? []).map((match) => match.key)]);
  for (const [index, key] of keys.entries()) {
    checkLabelName(key, `${place}[${index}]`, faults);
    if (inSelector.has(key)) faults.invalid(`${place}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector');
  }
}

export function checkMatchLabelKeys(matchKeys: readonly string[] | undefined, mismatchKeys: readonly string[] | undefined,
  selector: LabelSelector | undefined, place: string, faults: Faults): void {
  checkKeys(matchKeys ?? [], selector, `${place}.matchLabelKeys`, faults);
  checkKeys(mismatchKeys ?? [], selector, `${place}.mismatchLabelKeys`, faults);
  if (selector) {
    // The server itself adds one requirement per key to the selector; a second one is the caller's.
    const seen = new Set(Object.keys(selector.matchLabels ?? {}));
    for (const { key } of selector.matchExpressions ?? []) {
      const index = (matchKeys ?? []).lastIndexOf(key);
      if (index !== -1 && seen.has(key)) faults.invalid(`${place}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector');
      seen.add(key);
    }
  }
  for (const [index, key] of (matchKeys ?? []).entries()) {
    if ((mismatchKeys ?? []).includes(key)) faults.invalid(`${place}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys');
  }
}

function checkKeys(keys: readonly string[], selector: LabelSelector | undefined, place: string, faults: Faults): void {
  if (keys.length === 0) return;
  if (!selector) return faults.forbidden(place, 'must not be specified when labelSelector is not set');
  for (const [index, key] of keys.entries()) checkLabelName(key, `${place}[${index}]`, faults);
}
