/**
 * JSON values as patches see them: kinds, equality, copies, and the way upstream prints them in its error texts.
 *
 * Keys come from the network, so `__proto__` is a key like any other: values are read with own-property checks and written
 * with `setKey`.
 */
import { FloatLiteral } from '../codec/json-any.ts';
import { formatFloat } from '../go-print.ts';

/** Integers beyond 2^53 are bigint at run time; nothing here computes with numbers. */
export type JsonValue = null | boolean | number | string | FloatLiteral | JsonValue[] | JsonObject;
export interface JsonObject { [key: string]: JsonValue }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof FloatLiteral);
}

export function isContainer(value: unknown): value is JsonObject | JsonValue[] {
  return typeof value === 'object' && value !== null && !(value instanceof FloatLiteral);
}

/** The value with literals as plain numbers. */
export function plainNumbers(value: JsonValue): JsonValue {
  if (value instanceof FloatLiteral) return value.value;
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setKey(copy, key, plainNumbers(value[key] as JsonValue));
  return copy;
}

export function getKey(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function setKey(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** Structural equality; the order of keys does not matter. */
export function jsonEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    for (let i = 0; i < left.length; i++) if (!jsonEqual(left[i], right[i])) return false;
    return true;
  }
  if (Array.isArray(right)) return false;
  if (left instanceof FloatLiteral || right instanceof FloatLiteral) {
    return left instanceof FloatLiteral && right instanceof FloatLiteral && left.text === right.text;
  }
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  let count = 0;
  for (const key in a) {
    if (!Object.hasOwn(b, key) || !jsonEqual(a[key], b[key])) return false;
    count++;
  }
  for (const _key in b) count--;
  return count === 0;
}

export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof FloatLiteral) return value;
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    for (const item of value) copy.push(cloneJson(item as unknown));
    return copy as T;
  }
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setKey(copy, key, cloneJson((value as JsonObject)[key] as JsonValue));
  return copy as T;
}

export type GoKind = 'nil' | 'bool' | 'int64' | 'float64' | 'string' | 'map' | 'slice';

/** What upstream's decoder makes of the value. */
export function goKind(value: unknown): GoKind {
  switch (typeof value) {
    case 'boolean': return 'bool';
    case 'number': return Number.isInteger(value) ? 'int64' : 'float64';
    case 'bigint': return 'int64';
    case 'string': return 'string';
    case 'object': return value === null ? 'nil' : value instanceof FloatLiteral ? 'float64' : Array.isArray(value) ? 'slice' : 'map';
    default: return 'nil';
  }
}

/** The Go type's name, as `reflect.TypeOf` prints it. */
export function goTypeName(value: unknown): string {
  switch (goKind(value)) {
    case 'map': return 'map[string]interface {}';
    case 'slice': return '[]interface {}';
    case 'nil': return '%!s(<nil>)';
    default: return goKind(value);
  }
}

/** The value as Go's `%v` prints it: `map[a:1 b:[x y]]`, keys sorted. */
export function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (isObject(value)) return `map[${Object.keys(value).sort().map((key) => `${key}:${goText(value[key])}`).join(' ')}]`;
  if (value === null || value === undefined) return '<nil>';
  if (value instanceof FloatLiteral) return formatFloat(value.value);
  return typeof value === 'number' ? formatFloat(value) : String(value);
}

/** The value as Go's `%s` prints it: `frob`, but `%!s(int64=5)`. */
export function goVerbS(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(goVerbS).join(' ')}]`;
  if (isObject(value)) return `map[${Object.keys(value).sort().map((key) => `${key}:${goVerbS(value[key])}`).join(' ')}]`;
  return value === null || value === undefined ? '%!s(<nil>)' : `%!s(${goKind(value)}=${goText(value)})`;
}
