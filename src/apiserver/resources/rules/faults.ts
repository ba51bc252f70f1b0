/**
 * Collects validation faults while a validator walks an object: `faults.required(`${place}.name`)`.
 *
 * Places are plain strings (`spec.containers[0]`); the texts come from `#machinery/field-error`. A validator that must know
 * whether its own part was sound compares `faults.count` before and after.
 */
import type { FieldError } from '#machinery/field-error';
import * as error from '#machinery/field-error';

export class Faults {
  readonly errors: FieldError[] = [];

  get count(): number {
    return this.errors.length;
  }

  required(place: string, detail = ''): void {
    this.errors.push(error.required(place, detail));
  }

  /** An absent value is printed as the empty string; give `null` where upstream has a nil pointer. */
  invalid(place: string, value: unknown, detail: string): void {
    this.errors.push(error.invalid(place, value === undefined ? '' : value, detail));
  }

  /** One fault per text that a name or format check gave. */
  invalidAll(place: string, value: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(place, value, detail);
  }

  notSupported(place: string, value: unknown, supported: readonly string[]): void {
    this.errors.push(error.notSupported(place, value === undefined ? '' : value, supported));
  }

  forbidden(place: string, detail = ''): void {
    this.errors.push(error.forbidden(place, detail));
  }

  duplicate(place: string, value: unknown): void {
    this.errors.push(error.duplicate(place, value === undefined ? '' : value));
  }

  notFound(place: string, value: unknown): void {
    this.errors.push(error.notFound(place, value === undefined ? '' : value));
  }

  tooLong(place: string, bytesMax: number): void {
    this.errors.push(error.tooLong(place, bytesMax));
  }

  tooMany(place: string, actual: number, max: number): void {
    this.errors.push(error.tooMany(place, actual, max));
  }

  typeInvalid(place: string, value: unknown, detail: string): void {
    this.errors.push(error.typeInvalid(place, value, detail));
  }

  internal(place: string, detail: string): void {
    this.errors.push(error.internal(place, detail));
  }

  add(errors: readonly FieldError[]): void {
    this.errors.push(...errors);
  }

  /** Required when empty, unsupported when not one of `supported`. */
  oneOf(place: string, value: string | undefined, supported: readonly string[]): void {
    if (!value) this.required(place);
    else if (!supported.includes(value)) this.notSupported(place, value, supported);
  }

  /** Unsupported also when empty. */
  strictlyOneOf(place: string, value: string | undefined, supported: readonly string[]): void {
    if (!supported.includes(value ?? '')) this.notSupported(place, value, supported);
  }

  nonNegative(place: string, value: number | undefined): void {
    if ((value ?? 0) < 0) this.invalid(place, value, 'must be greater than or equal to 0');
  }

  positive(place: string, value: number | undefined): void {
    if ((value ?? 0) <= 0) this.invalid(place, value ?? 0, 'must be greater than zero');
  }

  inRange(place: string, value: number | undefined, min: number, max: number): void {
    if ((value ?? 0) < min || (value ?? 0) > max) this.invalid(place, value ?? 0, `must be between ${min} and ${max}, inclusive`);
  }
}

/** The faults that `check` finds. */
export function faultsOf(check: (faults: Faults) => void): FieldError[] {
  const faults = new Faults();
  check(faults);
  return faults.errors;
}
