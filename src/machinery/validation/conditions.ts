/** Validation of meta/v1 Conditions. */
import { duplicate, invalid, notSupported, required, tooLong } from '../field-error.ts';
import type { FieldError, FieldPath } from '../field-error.ts';
import { byteLength, patternFault } from '../names.ts';
import { validateLabelName } from './object-meta.ts';

const REASON_BYTES_MAX = 1024;
const MESSAGE_BYTES_MAX = 32 * 1024;
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_RE = new RegExp(`^${REASON}$`);

export interface ConditionFields {
  readonly type?: string;
  readonly status?: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string | null;
  readonly reason?: string;
  readonly message?: string;
}

export function validateConditions(conditions: readonly ConditionFields[], at: FieldPath): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, condition] of conditions.entries()) {
    const type = condition.type ?? '';
    if (seen.has(type)) errors.push(duplicate(at.index(index).child('type'), type));
    seen.add(type);
    errors.push(...validateCondition(condition, at.index(index)));
  }
  return errors;
}

function validateCondition(condition: ConditionFields, at: FieldPath): FieldError[] {
  const errors = validateLabelName(condition.type ?? '', at.child('type'));
  if (!['True', 'False', 'Unknown'].includes(condition.status ?? '')) {
    errors.push(notSupported(at.child('status'), condition.status ?? '', ['False', 'True', 'Unknown']));
  }
  if ((condition.observedGeneration ?? 0) < 0) {
    errors.push(invalid(at.child('observedGeneration'), condition.observedGeneration, 'must be greater than or equal to zero'));
  }
  if (!condition.lastTransitionTime) errors.push(required(at.child('lastTransitionTime')));
  const reason = condition.reason ?? '';
  if (reason === '') {
    errors.push(required(at.child('reason')));
  } else {
    if (!REASON_RE.test(reason)) {
      errors.push(invalid(at.child('reason'), reason, patternFault(
        "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
        REASON, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB')));
    }
    if (byteLength(reason) > REASON_BYTES_MAX) errors.push(tooLong(at.child('reason'), REASON_BYTES_MAX));
  }
  if (byteLength(condition.message ?? '') > MESSAGE_BYTES_MAX) errors.push(tooLong(at.child('message'), MESSAGE_BYTES_MAX));
  return errors;
}
