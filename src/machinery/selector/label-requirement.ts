/** One requirement of a label selector: its rules and what it matches. */
import { fieldErrorsText, invalid, notSupported, path } from '../field-error.ts';
import type { FieldError, Place } from '../field-error.ts';
import { parseInt64 } from '../integer.ts';
import { labelValueFaults, qualifiedNameFaults } from '../names.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** Its message is upstream's, without the caller's prefix. */
export class SelectorError extends Error {}

const OPERATORS: readonly LabelOperator[] = ['in', 'notin', '=', '==', '!=', 'gt', 'lt', 'exists', '!'];

/** @throws SelectorError with all faults. */
export function newRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  const errors: FieldError[] = [];
  const keyFault = labelKeyFault(key, path('key'));
  if (keyFault !== undefined) errors.push(keyFault);
  errors.push(...valueCountFaults(operator, values));
  for (const [index, value] of values.entries()) {
    const faults = labelValueFaults(value);
    if (faults.length > 0) errors.push(invalid(path('values').index(index).key(key), value, faults.join('; ')));
  }
  if (errors.length > 0) throw new SelectorError(fieldErrorsText(errors));
  return { key, operator, values };
}

function valueCountFaults(operator: LabelOperator, values: readonly string[]): FieldError[] {
  const at = path('values');
  const printed = values.length === 0 ? null : values;
  switch (operator) {
    case 'in': case 'notin':
      return values.length === 0 ? [invalid(at, printed, "for 'in', 'notin' operators, values set can't be empty")] : [];
    case '=': case '==': case '!=':
      return values.length !== 1 ? [invalid(at, printed, 'exact-match compatibility requires one single value')] : [];
    case 'exists': case '!':
      return values.length !== 0 ? [invalid(at, printed, 'values set must be empty for exists and does not exist')] : [];
    case 'gt': case 'lt': {
      const errors = values.length !== 1 ? [invalid(at, printed, "for 'Gt', 'Lt' operators, exactly one value is required")] : [];
      for (const [index, value] of values.entries()) {
        if (parseInt64(value) === undefined) errors.push(invalid(at.index(index), value, "for 'Gt', 'Lt' operators, the value must be an integer"));
      }
      return errors;
    }
    default:
      return [notSupported(path('operator'), operator, OPERATORS)];
  }
}

export function labelKeyFault(key: string, place: Place): FieldError | undefined {
  const faults = qualifiedNameFaults(key);
  return faults.length === 0 ? undefined : invalid(place, key, faults.join('; '));
}

export function requirementMatches(requirement: LabelRequirement, labels: Readonly<Record<string, string>> | undefined): boolean {
  const { key, operator, values } = requirement;
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'in': case '=': case '==': return value !== undefined && values.includes(value);
    case 'notin': case '!=': return value === undefined || !values.includes(value);
    case 'exists': return value !== undefined;
    case '!': return value === undefined;
    case 'gt': case 'lt': {
      const left = value === undefined ? undefined : parseInt64(value);
      const right = values.length === 1 ? parseInt64(values[0]!) : undefined;
      if (left === undefined || right === undefined) return false;
      return operator === 'gt' ? left > right : left < right;
    }
  }
}
