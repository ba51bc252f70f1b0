/** Label selectors inside objects, with string places. */
import { path } from '#machinery/field-error';
import type { LabelSelector } from '#machinery/meta';
import { validateLabelSelector } from '#machinery/validation/label-selector';
import type { Faults } from './faults.ts';

export function checkLabelSelector(selector: LabelSelector | undefined, place: string, faults: Faults,
  rules: { readonly anyValue?: boolean | undefined } = {}): void {
  if (selector) faults.add(validateLabelSelector(selector, { allowInvalidLabelValues: rules.anyValue ?? false }, path(place)));
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}
