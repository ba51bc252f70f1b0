/**
 * Validation faults as data: collected, never thrown one by one. The texts are upstream's; clients match on them.
 */
import type { StatusCause } from './meta.ts';

export type FieldErrorType =
  | 'FieldValueNotFound' | 'FieldValueRequired' | 'FieldValueDuplicate' | 'FieldValueInvalid' | 'FieldValueNotSupported'
  | 'FieldValueForbidden' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'InternalError' | 'FieldValueTypeInvalid';

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].name`; `<nil>` when there is none. */
  readonly field: string;
  /** The whole text after the field: `Invalid value: "x": must be …`. */
  readonly message: string;
  /** For de-duplication across validators. */
  readonly value?: unknown;
}

export function toCause(error: FieldError): StatusCause {
  return { reason: error.type, message: error.message, field: error.field };
}

/** `spec.replicas: Invalid value: -1: must be …`. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${error.message}`;
}
