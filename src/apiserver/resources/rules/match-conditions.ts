/** The rules of match conditions: named expressions that narrow what a webhook or policy looks at. */
import type { MatchCondition } from '#api/generated/admissionregistration/v1';
import { qualifiedNameFaults } from '#machinery/names';
import { checkExpression, policyExpressions } from './expressions.ts';
import type { Faults } from './faults.ts';

const CONDITIONS_MAX = 64;

/** @param stored the expressions that the stored object has. @param params the conditions may use the policy's parameters. */
export function checkMatchConditions(conditions: readonly MatchCondition[] | undefined, params: boolean, stored: ReadonlySet<string>,
  place: string, faults: Faults): void {
  const list = conditions ?? [];
  if (list.length > CONDITIONS_MAX) faults.tooMany(place, list.length, CONDITIONS_MAX);
  const names = new Set<string>();
  for (const [index, { name = '', expression: text = '' }] of list.entries()) {
    const at = `${place}[${index}]`;
    const expression = text.trim();
    if (expression === '') faults.required(`${at}.expression`);
    else {
      const scope = { params, authorizer: true, stored: stored.has(expression) };
      checkExpression(policyExpressions(false), expression, 'bool', scope, `${at}.expression`, faults);
    }
    if (name === '') {
      faults.required(`${at}.name`);
      continue;
    }
    faults.invalidAll(`${at}.name`, name, qualifiedNameFaults(name));
    if (names.has(name)) faults.duplicate(`${at}.name`, name);
    names.add(name);
  }
}

export function conditionExpressions(conditions: readonly MatchCondition[] | undefined): string[] {
  return (conditions ?? []).map(({ expression }) => expression);
}
