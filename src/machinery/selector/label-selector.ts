/**
 * Label selectors: the text of `?labelSelector=` and the LabelSelector of objects become one list of requirements, all of
 * which must hold. Requirements are sorted by key, so that the printed form is the same for the same meaning.
 */
import { quote } from '../go-print.ts';
import type { LabelSelector } from '../meta.ts';
import { LabelSelectorParser } from './label-selector-parser.ts';
import { SelectorError, newRequirement, requirementMatches } from './label-requirement.ts';
import type { LabelOperator, LabelRequirement } from './label-requirement.ts';

export { SelectorError } from './label-requirement.ts';

/** All must hold; empty matches everything, `undefined` of the functions below nothing. */
export type LabelRequirements = readonly LabelRequirement[];

/** @throws SelectorError */
export function parseLabelSelector(text: string): LabelRequirements {
  if (text === '') return [];
  return sortByKey(new LabelSelectorParser(text).parse());
}

/** From an object's LabelSelector: none selects nothing, an empty one everything. @throws SelectorError */
export function labelSelectorOf(selector: LabelSelector | undefined | null): LabelRequirements | undefined {
  if (selector === undefined || selector === null) return undefined;
  const requirements: LabelRequirement[] = [];
  for (const key in selector.matchLabels) requirements.push(newRequirement(key, '=', [selector.matchLabels[key]!]));
  for (const expression of selector.matchExpressions ?? []) {
    const operator = EXPRESSION_OPERATORS[expression.operator];
    if (operator === undefined) throw new SelectorError(`${quote(expression.operator ?? '')} is not a valid label selector operator`);
    requirements.push(newRequirement(expression.key ?? '', operator, expression.values ?? []));
  }
  return sortByKey(requirements);
}

const EXPRESSION_OPERATORS: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/** The old map form of replication controllers and services; unchecked, as stored objects are. */
export function labelSelectorFromMap(map: Readonly<Record<string, string>> | undefined): LabelRequirements {
  return sortByKey(Object.entries(map ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

function sortByKey(requirements: LabelRequirement[]): LabelRequirements {
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** @param requirements undefined: selects nothing. */
export function labelsMatch(requirements: LabelRequirements | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  if (requirements === undefined) return false;
  for (const requirement of requirements) if (!requirementMatches(requirement, labels)) return false;
  return true;
}

/** The one value that the label must have, where the selector says so. @public */
export function exactLabelValue(requirements: LabelRequirements, key: string): string | undefined {
  const found = requirements.find((requirement) => requirement.key === key);
  if (found === undefined || found.values.length !== 1) return undefined;
  return found.operator === '=' || found.operator === '==' || found.operator === 'in' ? found.values[0] : undefined;
}

/** `a=b,c in (d,e),!f`; '' for nothing as well as for everything. */
export function formatLabelSelector(requirements: LabelRequirements | undefined): string {
  return (requirements ?? []).map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  const list = [...values].sort().join(',');
  switch (operator) {
    case 'exists': return key;
    case '!': return `!${key}`;
    case 'in': case 'notin': return `${key} ${operator} (${list})`;
    case 'gt': return `${key}>${list}`;
    case 'lt': return `${key}<${list}`;
    default: return `${key}${operator}${list}`;
  }
}
