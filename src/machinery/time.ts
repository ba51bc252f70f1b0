/**
 * Timestamps as Go reads and prints them: RFC 3339 in, UTC with whole seconds (Time) or six decimals (MicroTime) out.
 *
 * Reading is as tolerant as upstream's (one-digit hours, a comma before fractions), and its faults read the same.
 */

/** Its message is upstream's. */
export class TimeError extends Error {}

const TIME_LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICRO_TIME_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';
const CANONICAL_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const CANONICAL_MICRO_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;
/** Go's zero time; it prints as null. */
const ZERO_TIME = '0001-01-01T00:00:00Z';
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Canonical Time text; undefined for Go's zero time. @throws TimeError */
export function canonicalTime(text: string): string | undefined {
  if (CANONICAL_TIME.test(text)) return text === ZERO_TIME ? undefined : text;
  const formatted = formatTime(parse(text, TIME_LAYOUT, false).ms);
  return formatted === ZERO_TIME ? undefined : formatted;
}

/** Canonical MicroTime text; undefined for Go's zero time. @throws TimeError */
export function canonicalMicroTime(text: string): string | undefined {
  const parsed = CANONICAL_MICRO_TIME.test(text) ? text : undefined;
  const formatted = parsed ?? printMicro(parse(text, MICRO_TIME_LAYOUT, true));
  return formatted === '0001-01-01T00:00:00.000000Z' ? undefined : formatted;
}

/** @returns ms since the epoch. @throws TimeError */
export function parseTime(text: string): number {
  return parse(text, TIME_LAYOUT, false).ms;
}

/** Whole seconds, rounded down. */
export function formatTime(ms: number): string {
  const text = new Date(Math.floor(ms / 1000) * 1000).toISOString();
  return `${text.slice(0, text.length - 5)}Z`;
}

export function formatMicroTime(ms: number): string {
  return printMicro({ ms, nanos: Math.floor(((ms % 1000) + 1000) % 1000 * 1e6) });
}

/** `nanos`: within the second. */
interface Instant { readonly ms: number; readonly nanos: number }

function printMicro({ ms, nanos }: Instant): string {
  return `${formatTime(ms).slice(0, -1)}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
}

/** Walks the layout from left to right, as Go does, so that faults name the same element. */
class TimeReader {
  readonly #text: string;
  readonly #layout: string;
  rest: string;

  constructor(text: string, layout: string) {
    this.#text = text;
    this.#layout = layout;
    this.rest = text;
  }

  fault(element: string, at = this.rest): TimeError {
    return new TimeError(`parsing time ${quote(this.#text)} as ${quote(this.#layout)}: cannot parse ${quote(at)} as ${quote(element)}`);
  }

  outOfRange(what: string): TimeError {
    return new TimeError(`parsing time ${quote(this.#text)}: ${what} out of range`);
  }

  literal(text: string): void {
    if (!this.rest.startsWith(text)) throw this.fault(text);
    this.rest = this.rest.slice(text.length);
  }

  /** Two digits; one only where `fixed` is false. */
  number(element: string, fixed: boolean, min: number, max: number, what: string): number {
    const match = /^\d\d?/.exec(this.rest);
    if (match === null || (fixed && match[0].length < 2)) throw this.fault(element);
    this.rest = this.rest.slice(match[0].length);
    const value = Number(match[0]);
    if (value < min || value > max) throw this.outOfRange(what);
    return value;
  }

  end(): void {
    if (this.rest !== '') throw new TimeError(`parsing time ${quote(this.#text)}: extra text: ${quote(this.rest)}`);
  }
}

function parse(text: string, layout: string, micro: boolean): Instant {
  const reader = new TimeReader(text, layout);
  if (!/^\d{4}/.test(reader.rest)) throw reader.fault('2006');
  const year = Number(reader.rest.slice(0, 4));
  reader.rest = reader.rest.slice(4);
  reader.literal('-');
  const month = reader.number('01', true, 1, 12, 'month');
  reader.literal('-');
  const day = reader.number('02', true, 0, 99, 'day');
  reader.literal('T');
  const hour = reader.number('15', false, 0, 23, 'hour');
  reader.literal(':');
  const minute = reader.number('04', true, 0, 59, 'minute');
  reader.literal(':');
  const second = reader.number('05', true, 0, 59, 'second');
  const nanos = readFraction(reader, micro);
  const offsetMinutes = readZone(reader);
  reader.end();
  const days = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : DAYS_IN_MONTH[month - 1]!;
  if (day < 1 || day > days) throw reader.outOfRange('day');
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const ms = date.getTime() + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000 + Math.floor(nanos / 1e6);
  return { ms, nanos };
}

/** @returns nanoseconds. */
function readFraction(reader: TimeReader, micro: boolean): number {
  const match = (micro ? /^[.,](\d{6})/ : /^[.,](\d+)/).exec(reader.rest);
  if (match === null) {
    if (micro) throw reader.fault('.000000');
    return 0;
  }
  reader.rest = reader.rest.slice(match[0].length);
  return Number(match[1]!.slice(0, 9).padEnd(9, '0'));
}

function readZone(reader: TimeReader): number {
  const { rest } = reader;
  if (rest.startsWith('Z')) {
    reader.rest = rest.slice(1);
    return 0;
  }
  const match = /^([+-])(\d\d):(\d\d)/.exec(rest);
  if (match === null) throw reader.fault('Z07:00');
  reader.rest = rest.slice(6);
  const [hours, minutes] = [Number(match[2]), Number(match[3])];
  if (hours > 24) throw reader.outOfRange('time zone offset hour');
  if (minutes > 60) throw reader.outOfRange('time zone offset minute');
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/** The time package's own quoting: bytes beyond ASCII in hex. */
function quote(text: string): string {
  let out = '"';
  for (const byte of Buffer.from(text, 'utf8')) {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === '\\') out += `\\${character}`;
    else if (byte < 0x20 || byte >= 0x80) out += `\\x${byte.toString(16).padStart(2, '0')}`;
    else out += character;
  }
  return `${out}"`;
}
