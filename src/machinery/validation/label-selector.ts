/** Validation of LabelSelector fields in objects. */
import { forbidden, invalid, required } from '../field-error.ts';
import type { FieldError, FieldPath } from '../field-error.ts';
import type { LabelSelector, LabelSelectorRequirement } from '../meta.ts';
import { labelValueFaults } from '../names.ts';
import { validateLabelName, validateLabels } from './object-meta.ts';

export interface LabelSelectorRules {
  /** For objects stored before values were checked. */
  readonly allowInvalidLabelValues?: boolean;
  /** For authorization webhooks, which pass on what they do not know. */
  readonly allowUnknownOperators?: boolean;
}

export function validateLabelSelector(selector: LabelSelector | undefined, rules: LabelSelectorRules, at: FieldPath): FieldError[] {
  if (selector === undefined) return [];
  return [
    ...validateLabels(selector.matchLabels, at.child('matchLabels')),
    ...(selector.matchExpressions ?? []).flatMap((requirement, index) =>
      validateLabelSelectorRequirement(requirement, rules, at.child('matchExpressions').index(index))),
  ];
}

function validateLabelSelectorRequirement(requirement: LabelSelectorRequirement, rules: LabelSelectorRules, at: FieldPath): FieldError[] {
  const values = requirement.values ?? [];
  const errors: FieldError[] = [];
  switch (requirement.operator) {
    case 'In': case 'NotIn':
      if (values.length === 0) errors.push(required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists': case 'DoesNotExist':
      if (values.length > 0) errors.push(forbidden(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    default:
      if (!rules.allowUnknownOperators) errors.push(invalid(at.child('operator'), requirement.operator ?? '', 'not a valid selector operator'));
  }
  errors.push(...validateLabelName(requirement.key ?? '', at.child('key')));
  if (!rules.allowInvalidLabelValues) {
    for (const [index, value] of values.entries()) {
      for (const fault of labelValueFaults(value)) errors.push(invalid(at.child('values').index(index), value, fault));
    }
  }
  return errors;
}

/** Whether an old object already has values that new ones may not have. */
export function hasInvalidLabelValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some((requirement) => (requirement.values ?? []).some((value) => labelValueFaults(value).length > 0));
}
