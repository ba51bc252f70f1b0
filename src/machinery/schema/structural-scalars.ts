/** Texts and numbers of custom resources against their schema. */
import { RE2JS } from 're2js';
import { formatFloat } from '../go-print.ts';
import { Findings, wrongType, type Finding } from './structural-findings.ts';
import { knownFormat, textFormat } from './structural-formats.ts';
import type { Structural } from './structural.ts';

const INT32_MAX = 2 ** 31 - 1;
const FLOAT32_MAX = 3.4028234663852886e38;
/** Compiled patterns that are kept; the oldest go first. */
const PATTERNS_MAX = 1_000;
const patterns = new Map<string, RE2JS | string>();

export function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** @returns the expression, or why it is none. */
function compiled(pattern: string): RE2JS | string {
  let found = patterns.get(pattern);
  if (found !== undefined) return found;
  try { found = RE2JS.compile(pattern); } catch (error) { found = (error as Error).message; }
  if (patterns.size >= PATTERNS_MAX) patterns.delete(patterns.keys().next().value!);
  patterns.set(pattern, found);
  return found;
}

/** Length and pattern: the first that does not fit. Lengths are in characters, whatever the text says. */
export function stringFault(value: string, { maxLength, minLength, pattern = '' }: Structural, path: string): Finding | undefined {
  const length = maxLength === undefined && minLength === undefined ? 0 : characters(value);
  if (maxLength !== undefined && length > maxLength) return { kind: 'too-long', path, value, max: maxLength, text: '' };
  if (minLength !== undefined && length < minLength) return { kind: 'other', path, value, text: `${path} in body should be at least ${minLength} chars long` };
  if (pattern === '') return undefined;
  const expression = compiled(pattern);
  if (typeof expression === 'string') return { kind: 'other', path, value, text: `${path} in body should match '${pattern}, but pattern is invalid: ${expression}'` };
  return expression.test(value) ? undefined : { kind: 'other', path, value, text: `${path} in body should match '${pattern}'` };
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function formatFault(value: string, { type = '', format = '' }: Structural, path: string): Finding | undefined {
  const known = knownFormat(type, format);
  const check = known === '' ? undefined : textFormat(known);
  if (check === undefined || check(value)) return undefined;
  return wrongType(path, format, value);
}

export function numberFaults(value: number | bigint, schema: Structural, path: string): Findings {
  const out = new Findings(1);
  const range = rangeFault(value, schema, 'Checked', path);
  if (range !== undefined) out.addPlain(range);
  if (schema.multipleOf !== undefined) bound(out, schema.multipleOf, schema, 'MultipleOf', path, multipleFault(value, schema.multipleOf, path));
  if (schema.minimum !== undefined) bound(out, schema.minimum, schema, 'Minimum boundary', path, minimumFault(value, schema.minimum, schema.exclusiveMinimum === true, path));
  if (schema.maximum !== undefined) bound(out, schema.maximum, schema, 'Maximum boundary', path, maximumFault(value, schema.maximum, schema.exclusiveMaximum === true, path));
  return out;
}

/** The bound itself must be of the type too. */
function bound(out: Findings, limit: number, schema: Structural, name: string, path: string, fault: Finding | undefined): void {
  const range = rangeFault(limit, schema, name, path);
  if (range !== undefined) out.addPlain(range);
  if (fault !== undefined) out.add(fault);
}

function isWhole(value: number | bigint): boolean { return typeof value === 'bigint' || Number.isSafeInteger(value); }

/** A whole number is compared with what is whole of a bound. */
function limitFor(value: number | bigint, limit: number): number { return isWhole(value) ? Math.trunc(limit) : limit; }

function minimumFault(value: number | bigint, minimum: number, exclusive: boolean, path: string): Finding | undefined {
  const limit = limitFor(value, minimum);
  if (exclusive ? value > limit : value >= limit) return undefined;
  return { kind: 'other', path, value, text: `${path} in body should be greater than ${exclusive ? '' : 'or equal to '}${formatFloat(limit)}` };
}

function maximumFault(value: number | bigint, maximum: number, exclusive: boolean, path: string): Finding | undefined {
  const limit = limitFor(value, maximum);
  if (exclusive ? value < limit : value <= limit) return undefined;
  return { kind: 'other', path, value, text: `${path} in body should be less than ${exclusive ? '' : 'or equal to '}${formatFloat(limit)}` };
}

function multipleFault(value: number | bigint, factor: number, path: string): Finding | undefined {
  const step = limitFor(value, factor);
  if (step <= 0) return { kind: 'other', path, value: step, text: `factor MultipleOf declared for ${path} must be positive: ${formatFloat(step)}` };
  const fits = typeof value === 'bigint' ? value % BigInt(step) === 0n : isWholeFloat(step < 1 ? (1 / step) * value : value / step);
  return fits ? undefined : { kind: 'other', path, value, text: `${path} in body should be a multiple of ${formatFloat(step)}` };
}

const EPSILON = 1e-9;

/** As near to a whole number as floating point comes. */
function isWholeFloat(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const whole = Math.trunc(value);
  const diff = Math.abs(value - whole);
  return diff === 0 || diff / (Math.abs(value) + Math.abs(whole)) < EPSILON;
}

function rangeFault(value: number | bigint, { type = '', format: given = '' }: Structural, name: string, path: string): string | undefined {
  const format = type === 'integer' || type === 'number' ? knownFormat(type, given) : '';
  const fits = type === 'integer' ? isWhole(value) && (format !== 'int32' || (value >= -INT32_MAX - 1 && value <= INT32_MAX))
    : format !== 'float' || Math.abs(Number(value)) <= FLOAT32_MAX;
  if (fits) return undefined;
  return format === '' ? `${name} value must be of type ${type} (default format) in ${path}` : `${name} value must be of type ${type} with format ${format} in ${path}`;
}
