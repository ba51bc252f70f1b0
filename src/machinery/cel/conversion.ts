/**
 * Conversions between the language's own types, with the failures that upstream gives.
 */
import { parseDuration } from '../duration.ts';
import { Duration, Failure, Timestamp, TypeValue, Uint, type Value } from './value.ts';

export const MAX_INT64 = 2n ** 63n - 1n;
export const MIN_INT64 = -(2n ** 63n);
export const MAX_UINT64 = 2n ** 64n - 1n;
const INT_OVERFLOW = new Failure('integer overflow');
const UINT_OVERFLOW = new Failure('unsigned integer overflow');
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
const MIN_SECONDS = -62_135_596_800n;
const MAX_SECONDS = 253_402_300_799n;
const SECOND = 1_000_000_000n;

export function int(value: bigint): bigint | Failure {
  return value > MAX_INT64 || value < MIN_INT64 ? INT_OVERFLOW : value;
}

export function uint(value: bigint): Uint | Failure {
  return value > MAX_UINT64 || value < 0n ? UINT_OVERFLOW : new Uint(value);
}

export function duration(nanos: bigint): Duration | Failure {
  return nanos > MAX_INT64 || nanos < MIN_INT64 ? INT_OVERFLOW : new Duration(nanos);
}

export function timestamp(nanos: bigint): Timestamp | Failure {
  const seconds = floorDiv(nanos, SECOND);
  return seconds < MIN_SECONDS || seconds > MAX_SECONDS ? new Failure('timestamp overflow') : new Timestamp(nanos);
}

export function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && (a < 0n) !== (b < 0n) ? quotient - 1n : quotient;
}

function notConvertible(from: string, to: string): Failure {
  return new Failure(`type conversion error from '${from}' to '${to}'`);
}

export function textToInt(text: string): bigint | Failure {
  return /^[+-]?\d+$/.test(text) && !(int(BigInt(text.replace('+', ''))) instanceof Failure) ? BigInt(text.replace('+', '')) : notConvertible('string', 'int');
}

export function textToUint(text: string): Uint | Failure {
  return /^\d+$/.test(text) && BigInt(text) <= MAX_UINT64 ? new Uint(BigInt(text)) : notConvertible('string', 'uint');
}

const FLOAT = /^[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NAMED_FLOAT = /^([+-]?)(inf|infinity|nan)$/i;

export function textToDouble(text: string): number | Failure {
  const named = NAMED_FLOAT.exec(text);
  if (named) return named[2]!.toLowerCase() === 'nan' ? NaN : named[1] === '-' ? -Infinity : Infinity;
  const value = FLOAT.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : notConvertible('string', 'double');
}

export function doubleToInt(value: number): bigint | Failure {
  return Number.isFinite(value) && value > -9223372036854775808 && value < 9223372036854775808 ? BigInt(Math.trunc(value)) : INT_OVERFLOW;
}

export function doubleToUint(value: number): Uint | Failure {
  return Number.isFinite(value) && value >= 0 && value < 18446744073709551616 ? new Uint(BigInt(Math.trunc(value))) : UINT_OVERFLOW;
}

const TRUTHS: Readonly<Record<string, boolean>> = {
  1: true, t: true, T: true, TRUE: true, true: true, True: true, 0: false, f: false, F: false, FALSE: false, false: false, False: false,
};

export function textToBool(text: string): boolean | Failure {
  return Object.hasOwn(TRUTHS, text) ? TRUTHS[text]! : notConvertible('string', 'bool');
}

export function textToDuration(text: string): Duration | Failure {
  try {
    return new Duration(parseDuration(text));
  } catch {
    return notConvertible('string', 'google.protobuf.Duration');
  }
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/** @returns undefined for what is no RFC 3339 date and time. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return undefined;
  const zone = match[8]!;
  const offset = zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0').slice(0, 9));
  return new Timestamp((BigInt(date.getTime()) - BigInt(offset) * 60_000n) * 1_000_000n + fraction);
}

export function textToTimestamp(text: string): Timestamp | Failure {
  const parsed = parseTimestamp(text);
  return parsed === undefined ? notConvertible('string', 'google.protobuf.Timestamp') : timestamp(parsed.nanos);
}

export function bytesToText(value: Uint8Array): string | Failure {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return new Failure('invalid UTF-8 in bytes, cannot convert to string');
  }
}

/** `3600s`, `-1.5s`. */
export function durationToText(nanos: bigint): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  const fraction = (magnitude % SECOND).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${magnitude / SECOND}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** RFC 3339 with as many decimals as there are. */
export function timestampToText(nanos: bigint): string {
  const seconds = floorDiv(nanos, SECOND);
  const fraction = (nanos - seconds * SECOND).toString().padStart(9, '0').replace(/0+$/, '');
  const text = new Date(Number(seconds) * 1000).toISOString().replace(/^\+00/, '');
  return `${text.slice(0, -5)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Go's `%g` with the shortest digits: `1.5`, `1e+10`, `1e-05`. */
export function doubleToText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < PLAIN_DIGITS) return plain(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** Larger numbers print with an exponent. */
const PLAIN_DIGITS = 6;

function plain(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text;
}

/** What `string()` and `%s` make of a simple value; undefined for the others. */
export function valueToText(value: Value): string | Failure | undefined {
  switch (typeof value) {
    case 'string': return value;
    case 'bigint': case 'boolean': return String(value);
    case 'number': return doubleToText(value);
    default: break;
  }
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return bytesToText(value);
  if (value instanceof Duration) return durationToText(value.nanos);
  if (value instanceof Timestamp) return timestampToText(value.nanos);
  if (value instanceof TypeValue) return value.name;
  return undefined;
}
