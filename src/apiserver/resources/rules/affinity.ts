/** The rules of node selectors, pod affinity and tolerations. */
import type {
  Affinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm, Toleration,
} from '#api/generated/core/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { checkLabelName } from './metadata.ts';
import { checkLabelSelector } from './selectors.ts';
import { checkMatchLabelKeys } from './topology-spread.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

export interface AffinityRules {
  readonly badSelectorValues?: boolean;
  readonly badNodeAffinityValues?: boolean;
}

export function checkAffinity(affinity: Affinity | undefined, place: string, faults: Faults, rules: AffinityRules): void {
  const node = affinity?.nodeAffinity;
  if (node?.[REQUIRED]) checkNodeSelector(node[REQUIRED], `${place}.nodeAffinity.${REQUIRED}`, faults, rules.badNodeAffinityValues);
  for (const [index, term] of (node?.[PREFERRED] ?? []).entries()) {
    const at = `${place}.nodeAffinity.${PREFERRED}[${index}]`;
    checkWeight(term.weight, at, faults);
    checkNodeSelectorTerm(term.preference ?? {}, `${at}.preference`, faults, true);
  }
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    if (affinity?.[kind]) checkPodAffinity(affinity[kind], `${place}.${kind}`, faults, rules);
  }
}

function checkWeight(weight: number | undefined, at: string, faults: Faults): void {
  if ((weight ?? 0) <= 0 || (weight ?? 0) > 100) faults.invalid(`${at}.weight`, weight ?? 0, 'must be in the range 1-100');
}

function checkPodAffinity(affinity: PodAffinity, place: string, faults: Faults, rules: AffinityRules): void {
  for (const [index, term] of (affinity[REQUIRED] ?? []).entries()) checkPodAffinityTerm(term, `${place}.${REQUIRED}[${index}]`, faults, rules);
  for (const [index, weighted] of (affinity[PREFERRED] ?? []).entries()) {
    const at = `${place}.${PREFERRED}[${index}]`;
    checkWeight(weighted.weight, at, faults);
    checkPodAffinityTerm(weighted.podAffinityTerm ?? { topologyKey: '' }, `${at}.podAffinityTerm`, faults, rules);
  }
}

function checkPodAffinityTerm(term: PodAffinityTerm, place: string, faults: Faults, rules: AffinityRules): void {
  checkLabelSelector(term.labelSelector, `${place}.labelSelector`, faults, { anyValue: rules.badSelectorValues });
  checkLabelSelector(term.namespaceSelector, `${place}.namespaceSelector`, faults, { anyValue: rules.badSelectorValues });
  for (const name of term.namespaces ?? []) faults.invalidAll(`${place}.namespace`, name, dns1123LabelFaults(name));
  checkMatchLabelKeys(term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector, place, faults);
  if (!term.topologyKey) faults.required(`${place}.topologyKey`, 'can not be empty');
  checkLabelName(term.topologyKey, `${place}.topologyKey`, faults);
}

export function checkNodeSelector(selector: NodeSelector, place: string, faults: Faults, anyValue = false): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) return faults.required(`${place}.nodeSelectorTerms`, 'must have at least one node selector term');
  for (const [index, term] of terms.entries()) checkNodeSelectorTerm(term, `${place}.nodeSelectorTerms[${index}]`, faults, anyValue);
}

export function checkNodeSelectorTerm(term: NodeSelectorTerm, place: string, faults: Faults, anyValue = false): void {
  for (const [index, requirement] of (term.matchExpressions ?? []).entries()) {
    checkLabelRequirement(requirement, `${place}.matchExpressions[${index}]`, faults, anyValue);
  }
  for (const [index, requirement] of (term.matchFields ?? []).entries()) checkFieldRequirement(requirement, `${place}.matchFields[${index}]`, faults);
}

function checkLabelRequirement(requirement: NodeSelectorRequirement, place: string, faults: Faults, anyValue: boolean): void {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In': case 'NotIn':
      if (values.length === 0) faults.required(`${place}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists': case 'DoesNotExist':
      if (values.length > 0) faults.forbidden(`${place}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      break;
    case 'Gt': case 'Lt':
      if (values.length !== 1) faults.required(`${place}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      break;
    default:
      faults.invalid(`${place}.operator`, requirement.operator, 'not a valid selector operator');
  }
  checkLabelName(requirement.key, `${place}.key`, faults);
  if (anyValue) return;
  for (const [index, value] of values.entries()) faults.invalidAll(`${place}.values[${index}]`, value, labelValueFaults(value));
}

function checkFieldRequirement(requirement: NodeSelectorRequirement, place: string, faults: Faults): void {
  const values = requirement.values ?? [];
  if (requirement.operator !== 'In' && requirement.operator !== 'NotIn') {
    faults.invalid(`${place}.operator`, requirement.operator, 'not a valid selector operator');
  } else if (values.length !== 1) {
    faults.required(`${place}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  }
  if (requirement.key !== 'metadata.name') return faults.invalid(`${place}.key`, requirement.key, 'not a valid field selector key');
  for (const [index, value] of values.entries()) faults.invalidAll(`${place}.values[${index}]`, value, dns1123SubdomainFaults(value));
}

export const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const DECIMAL_INTEGER = /^(0|-?[1-9][0-9]*)$/;

/** @param mayCompare the operators Lt and Gt are taken. */
export function checkTolerations(tolerations: readonly Toleration[] | undefined, place: string, faults: Faults, mayCompare: boolean): void {
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    const at = `${place}[${index}]`;
    const { operator = '', value = '' } = toleration;
    if (toleration.key) checkLabelName(toleration.key, `${at}.key`, faults);
    else if (operator !== 'Exists') {
      faults.invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"');
    }
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute') {
      faults.invalid(`${at}.effect`, toleration.effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    checkTolerationOperator(operator, value, at, faults, mayCompare);
    if (toleration.effect) faults.strictlyOneOf(`${at}.effect`, toleration.effect, TAINT_EFFECTS);
  }
}

function checkTolerationOperator(operator: string, value: string, at: string, faults: Faults, mayCompare: boolean): void {
  if (operator === 'Equal' || operator === '') {
    const texts = labelValueFaults(value);
    if (texts.length > 0) faults.invalid(`${at}.operator`, value, texts.join(';'));
  } else if (operator === 'Exists') {
    if (value) faults.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
  } else if (operator !== 'Lt' && operator !== 'Gt') {
    faults.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']);
  } else if (!mayCompare) {
    faults.notSupported(`${at}.operator`, operator, ['Equal', 'Exists', 'Lt', 'Gt']);
  } else if (!DECIMAL_INTEGER.test(value)) {
    faults.invalid(`${at}.value`, value, 'must be a valid decimal integer in canonical form');
  }
}
