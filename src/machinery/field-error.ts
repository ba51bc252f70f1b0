/**
 * Validation faults as data: collected, never thrown one by one. The texts are upstream's; clients match on them.
 *
 *     errors.push(invalid(path('spec').child('containers').index(0).child('name'), name, 'must be …'));
 */
import type { StatusCause } from './meta.ts';
import { formatFloat, goJson, quote } from './go-print.ts';

const TYPE_TEXTS = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTooFew: 'Too few',
  FieldValueTooShort: 'Too short',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
} as const;

type FieldErrorType = keyof typeof TYPE_TEXTS;

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].name`; `<nil>` when there is none. */
  readonly field: string;
  /** The whole text after the field: `Invalid value: "x": must be …`. */
  readonly message: string;
  /** For de-duplication across validators. */
  readonly value?: unknown;
}

/** Where a value stands. Immutable; written out only when an error needs it. */
export interface FieldPath {
  child(name: string, ...more: string[]): FieldPath;
  index(index: number): FieldPath;
  key(key: string): FieldPath;
  toString(): string;
}

class PathNode implements FieldPath {
  readonly #parent: PathNode | undefined;
  readonly #text: string;
  readonly #isKey: boolean;

  constructor(parent: PathNode | undefined, text: string, isKey: boolean) {
    this.#parent = parent;
    this.#text = text;
    this.#isKey = isKey;
  }

  child(name: string, ...more: string[]): FieldPath {
    let node = new PathNode(this, name, false);
    for (const next of more) node = new PathNode(node, next, false);
    return node;
  }

  index(index: number): FieldPath {
    return new PathNode(this, String(index), true);
  }

  key(key: string): FieldPath {
    return new PathNode(this, key, true);
  }

  toString(): string {
    const before = this.#parent === undefined ? '' : this.#parent.toString();
    if (this.#isKey) return `${before}[${this.#text}]`;
    return this.#parent === undefined ? this.#text : `${before}.${this.#text}`;
  }
}

export function path(name: string, ...more: string[]): FieldPath {
  const root = new PathNode(undefined, name, false);
  return more.length === 0 ? root : root.child(more[0]!, ...more.slice(1));
}

/** The place of an error: undefined prints as `<nil>`. */
export type Place = FieldPath | string | undefined;

/** A bad value that stands in the message as it is written here, such as an internal struct's JSON. */
export class PrintedValue {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Leaves the bad value out of the message. */
export const OMIT_VALUE: unique symbol = Symbol('omit');

/** Strings quoted, numbers and booleans plain, everything else as JSON. */
function printValue(value: unknown): string {
  switch (typeof value) {
    case 'string': return quote(value);
    case 'number': return formatFloat(value);
    case 'bigint': case 'boolean': return String(value);
    default: return value instanceof PrintedValue ? value.text : goJson(value);
  }
}

function fault(type: FieldErrorType, place: Place, value: unknown, detail: string): FieldError {
  let message: string = TYPE_TEXTS[type];
  if (value !== OMIT_VALUE) message += `: ${printValue(value)}`;
  if (detail !== '') message += `: ${detail}`;
  return { type, field: place === undefined ? '<nil>' : String(place), message, value };
}

function plainFault(type: FieldErrorType, place: Place, detail: string): FieldError {
  return fault(type, place, OMIT_VALUE, detail);
}

function count(limit: number, one: string, many: string): string {
  return `${limit} ${limit === 1 ? one : many}`;
}

export const required = (place: Place, detail = ''): FieldError => plainFault('FieldValueRequired', place, detail);
export const invalid = (place: Place, value: unknown, detail: string): FieldError => fault('FieldValueInvalid', place, value, detail);
export const typeInvalid = (place: Place, value: unknown, detail: string): FieldError => fault('FieldValueTypeInvalid', place, value, detail);
export const duplicate = (place: Place, value: unknown): FieldError => fault('FieldValueDuplicate', place, value, '');
export const notFound = (place: Place, value: unknown): FieldError => fault('FieldValueNotFound', place, value, '');
export const forbidden = (place: Place, detail: string): FieldError => plainFault('FieldValueForbidden', place, detail);
export const internal = (place: Place, detail: string): FieldError => plainFault('InternalError', place, detail);

/** The supported values are printed in the order given; upstream sorts them where they come from a set. */
export function notSupported(place: Place, value: unknown, supported: readonly string[]): FieldError {
  return fault('FieldValueNotSupported', place, value, supported.length === 0 ? '' : `supported values: ${supported.map(quote).join(', ')}`);
}

/** @param bytesMax negative: unknown. */
export function tooLong(place: Place, bytesMax: number): FieldError {
  return plainFault('FieldValueTooLong', place, bytesMax < 0 ? 'value is too long' : `may not be more than ${count(bytesMax, 'byte', 'bytes')}`);
}

/** @public */
export function tooLongCharacters(place: Place, charactersMax: number): FieldError {
  return plainFault('FieldValueTooLong', place,
    charactersMax < 0 ? 'value is too long' : `may not be more than ${count(charactersMax, 'character', 'characters')}`);
}

/** @public */
export function tooShort(place: Place, charactersMin: number): FieldError {
  return plainFault('FieldValueTooShort', place,
    charactersMin < 0 ? 'value is too short' : `must be at least ${count(charactersMin, 'character', 'characters')}`);
}

/** @param actual negative: not printed. */
export function tooMany(place: Place, actual: number, max: number): FieldError {
  return fault('FieldValueTooMany', place, actual < 0 ? OMIT_VALUE : actual,
    max < 0 ? 'has too many items' : `must have at most ${count(max, 'item', 'items')}`);
}

/** @public */
export function tooFew(place: Place, actual: number, min: number): FieldError {
  return fault('FieldValueTooFew', place, actual, min < 0 ? 'has too few items' : `must have at least ${count(min, 'item', 'items')}`);
}

export function toCause(error: FieldError): StatusCause {
  return { reason: error.type, message: error.message, field: error.field };
}

/** `spec.replicas: Invalid value: -1: must be …`. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${error.message}`;
}

/** The texts of all errors, equal ones once: alone as it is, several as `[a, b]`. */
export function fieldErrorsText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}
