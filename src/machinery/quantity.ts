/**
 * Resource quantities: `100m`, `1.5Gi`, `12e6`. An exact decimal number and the family of suffixes it is written with.
 *
 * The value is `unscaled × 10^scale`, never finer than nano: finer input is rounded up, away from zero. Text that is
 * canonical already is kept as it was written, because stored objects and clients compare it as text.
 */

/** What a quantity is printed with: `e6`, `Mi` or `M`. */
export type QuantityFormat = 'DecimalExponent' | 'BinarySI' | 'DecimalSI';

export interface Quantity {
  readonly unscaled: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** As written, where that is canonical. */
  readonly text: string | undefined;
}

/** Its message is upstream's. */
export class QuantityError extends Error {}

const WRONG_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_NUMBER = 'unable to parse numeric part of quantity';
const WRONG_SUFFIX = "unable to parse quantity's suffix";

const NANO = -9;
const MAX_INT64 = 2n ** 63n - 1n;
/** Decimal digits that surely fit an int64. */
const INT64_DIGITS = 18;
/** A longer text is no amount of anything, and costs as its square to read. */
const TEXT_CHARS_MAX = 1_000;
/** A larger power of ten is not computed with; upstream takes any. */
const EXPONENT_MAX = 1_000n;
/** A smaller one rounds to one nano all the same. */
const EXPONENT_MIN = -(2n ** 31n);
/** No sum or product is computed over more digits than this. */
const ALIGN_DIGITS_MAX = 10_000;
const CANONICAL_CACHE_MAX = 4096;
/** Longer texts may be slices, which hold on to the whole body they were cut from. */
const CACHED_TEXT_MAX = 12;

const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY_SUFFIXES: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL_BY_EXPONENT = new Map(Object.entries(DECIMAL_SUFFIXES).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_BY_EXPONENT = new Map(Object.entries(BINARY_SUFFIXES).map(([suffix, exponent]) => [exponent, suffix]));

const SHAPE = /^([+-]?)(0*)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;

const LONE_POINT = /^[+-]?\.(?!\d)/;

export const ZERO_QUANTITY: Quantity = { unscaled: 0n, scale: 0, format: 'DecimalSI', text: undefined };

/** @throws QuantityError */
export function parseQuantity(text: string): Quantity {
  const match = SHAPE.exec(text);
  if (text === '' || match === null) throw new QuantityError(WRONG_FORMAT);
  if (text.length > TEXT_CHARS_MAX || LONE_POINT.test(text)) throw new QuantityError(WRONG_NUMBER);
  const digits = match[3] === '' ? '0' : match[3]!;
  const fraction = match[4] ?? '';
  const suffix = interpretSuffix(match[5]!);
  if (suffix === undefined) throw new QuantityError(WRONG_SUFFIX);
  const sign = match[1] === '-' ? -1n : 1n;
  return parseShort(text, sign, digits, fraction, suffix) ?? parseLong(sign, match[2]! + match[3]!, fraction, suffix);
}

interface Suffix { readonly base: 2 | 10; readonly exponent: number; readonly format: QuantityFormat }

function interpretSuffix(suffix: string): Suffix | undefined {
  if (Object.hasOwn(DECIMAL_SUFFIXES, suffix)) return { base: 10, exponent: DECIMAL_SUFFIXES[suffix]!, format: 'DecimalSI' };
  if (Object.hasOwn(BINARY_SUFFIXES, suffix)) return { base: 2, exponent: BINARY_SUFFIXES[suffix]!, format: 'BinarySI' };
  if (!/^[eE][+-]?\d+$/.test(suffix)) return undefined;
  const exponent = BigInt(suffix.slice(1).replace('+', ''));
  if (exponent > EXPONENT_MAX || exponent < -MAX_INT64 - 1n) return undefined;
  return { base: 10, exponent: Number(exponent < EXPONENT_MIN ? EXPONENT_MIN : exponent), format: 'DecimalExponent' };
}

/** Numbers that fit 64 bits; only these keep their text. @returns undefined when the number is of the other sort. */
function parseShort(text: string, sign: bigint, digits: string, fraction: string, suffix: Suffix): Quantity | undefined {
  const { format, exponent } = suffix;
  if (format === 'BinarySI') {
    if (fraction !== '' || 15 - digits.length - Math.trunc(exponent * 3 / 10) - 1 < 0) return undefined;
    const value = BigInt(digits);
    const keeps = (value & 7n) !== 0n;
    return { unscaled: sign * (value << BigInt(exponent)), scale: 0, format, text: keeps ? text : undefined };
  }
  const scale = exponent - fraction.length;
  const shifted = digits + fraction;
  if (INT64_DIGITS < shifted.length || scale < NANO) return undefined;
  const keeps = scale % 3 === 0 && !shifted.endsWith('000') && shifted[0] !== '0';
  return { unscaled: sign * BigInt(shifted), scale, format, text: keeps ? text : undefined };
}

function parseLong(sign: bigint, digits: string, fraction: string, suffix: Suffix): Quantity {
  if (digits === '' && fraction === '') throw new QuantityError(WRONG_NUMBER);
  let unscaled = BigInt(digits + fraction);
  let scale = -fraction.length;
  if (suffix.base === 10) scale += suffix.exponent;
  else unscaled <<= BigInt(suffix.exponent);
  [unscaled, scale] = unscaled === 0n ? [0n, 0] : roundAwayFromZero(unscaled, scale, NANO);
  let format = suffix.format;
  if (format === 'BinarySI') {
    if (scale <= 0 && unscaled > MAX_INT64 * pow10(-scale)) [unscaled, scale] = [MAX_INT64, 0];
    if (unscaled > 0n && unscaled < pow10(-scale)) format = 'DecimalSI';
  }
  return { unscaled: sign * unscaled, scale, format, text: undefined };
}

function pow10(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** Drops digits finer than `newScale`; whatever is dropped makes the number larger in magnitude. */
function roundAwayFromZero(unscaled: bigint, scale: number, newScale: number): [unscaled: bigint, scale: number] {
  if (scale >= newScale || unscaled === 0n) return [unscaled, Math.max(scale, newScale)];
  const drop = newScale - scale;
  const sign = unscaled < 0n ? -1n : 1n;
  const magnitude = unscaled * sign;
  if (drop > digitsOf(magnitude)) return [sign, newScale];
  const divisor = pow10(drop);
  const quotient = magnitude / divisor;
  return [sign * (magnitude % divisor === 0n ? quotient : quotient + 1n), newScale];
}

function digitsOf(magnitude: bigint): number {
  return magnitude.toString().length;
}

export function formatQuantity(quantity: Quantity): string {
  return quantity.text ?? canonicalText(quantity);
}

function canonicalText({ unscaled, scale, format }: Quantity): string {
  if (unscaled === 0n) return '0';
  const sign = unscaled < 0n ? '-' : '';
  let magnitude = unscaled < 0n ? -unscaled : unscaled;
  if (format === 'BinarySI') {
    const whole = wholeNumber(magnitude, scale);
    if (whole !== undefined && whole >= 1024n) return sign + binaryText(whole);
  }
  let exponent = scale;
  while (magnitude >= 10n && magnitude % 10n === 0n) { magnitude /= 10n; exponent++; }
  while (exponent % 3 !== 0) { magnitude *= 10n; exponent--; }
  if (format === 'DecimalExponent') return `${sign}${magnitude}${exponent === 0 ? '' : `e${exponent}`}`;
  return `${sign}${magnitude}${DECIMAL_BY_EXPONENT.get(exponent) ?? ''}`;
}

/** undefined when there is a fraction. */
function wholeNumber(magnitude: bigint, scale: number): bigint | undefined {
  if (scale >= 0) return magnitude * pow10(Math.min(scale, ALIGN_DIGITS_MAX));
  const divisor = pow10(-scale);
  return magnitude % divisor === 0n ? magnitude / divisor : undefined;
}

function binaryText(whole: bigint): string {
  let amount = whole;
  let times = 0;
  while (amount >= 1024n && amount % 1024n === 0n) { amount /= 1024n; times++; }
  return `${amount}${BINARY_BY_EXPONENT.get(times * 10) ?? ''}`;
}

const canonicalCache = new Map<string, string>();

/** The canonical text of a quantity's text. @throws QuantityError */
export function canonicalQuantity(text: string): string {
  const known = canonicalCache.get(text);
  if (known !== undefined) return known;
  const canonical = formatQuantity(parseQuantity(text));
  if (text.length <= CACHED_TEXT_MAX) {
    if (canonicalCache.size >= CANONICAL_CACHE_MAX) canonicalCache.clear();
    canonicalCache.set(text, canonical);
  }
  return canonical;
}

export function newQuantity(value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { unscaled: BigInt(value), scale: 0, format, text: undefined };
}

export function newMilliQuantity(milli: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { unscaled: BigInt(milli), scale: -3, format, text: undefined };
}

export function isZeroQuantity(quantity: Quantity): boolean {
  return quantity.unscaled === 0n;
}

export function quantitySign(quantity: Quantity): -1 | 0 | 1 {
  return quantity.unscaled === 0n ? 0 : quantity.unscaled < 0n ? -1 : 1;
}

/** @returns negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  const signs = quantitySign(a) - quantitySign(b);
  if (signs !== 0 || a.unscaled === 0n) return signs;
  const sign = quantitySign(a);
  if (a.scale !== b.scale) {
    const order = digitsOf(a.unscaled * BigInt(sign)) + a.scale - digitsOf(b.unscaled * BigInt(sign)) - b.scale;
    if (order !== 0) return order > 0 ? sign : -sign;
  }
  const [left, right] = align(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
}

function align(a: Quantity, b: Quantity): [left: bigint, right: bigint, scale: number] {
  const scale = Math.min(a.scale, b.scale);
  if (Math.max(a.scale, b.scale) - scale > ALIGN_DIGITS_MAX) throw new QuantityError(WRONG_NUMBER);
  return [a.unscaled * pow10(a.scale - scale), b.unscaled * pow10(b.scale - scale), scale];
}

/** The sum in `a`'s format, or in `b`'s when `a` is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return combine(a, b, 1n);
}

/** The difference in `a`'s format, or in `b`'s when `a` is zero. */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return combine(a, b, -1n);
}

function combine(a: Quantity, b: Quantity, sign: bigint): Quantity {
  if (b.unscaled === 0n) return { ...a, format: a.unscaled === 0n ? b.format : a.format, text: undefined };
  if (a.unscaled === 0n) return { ...b, unscaled: b.unscaled * sign, text: undefined };
  const [left, right, scale] = align(a, b);
  return { unscaled: left + right * sign, scale, format: a.format, text: undefined };
}

/** @public */
export function multiplyQuantity(quantity: Quantity, factor: number | bigint): Quantity {
  return { ...quantity, unscaled: quantity.unscaled * BigInt(factor), text: undefined };
}

/** @public */
export function negateQuantity(quantity: Quantity): Quantity {
  return { ...quantity, unscaled: -quantity.unscaled, text: undefined };
}

/** Rounded away from zero to `10^scale`, in that unit. */
export function scaledValue(quantity: Quantity, scale: number): bigint {
  const { unscaled } = quantity;
  if (unscaled === 0n) return 0n;
  if (quantity.scale >= scale) return unscaled * pow10(Math.min(quantity.scale - scale, ALIGN_DIGITS_MAX));
  return roundAwayFromZero(unscaled, quantity.scale, scale)[0];
}

/** Whole units, rounded away from zero; beyond 2^53 the nearest double. */
export function quantityValue(quantity: Quantity): number {
  return Number(scaledValue(quantity, 0));
}

/** Thousandths, rounded away from zero; beyond 2^53 the nearest double. */
export function quantityMilliValue(quantity: Quantity): number {
  return Number(scaledValue(quantity, -3));
}

/** @public */
export function approximateNumber(quantity: Quantity): number {
  return Number(`${quantity.unscaled}e${quantity.scale}`);
}
