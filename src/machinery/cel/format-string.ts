/**
 * `'%s of %d'.format([…])`: how values print, and the clauses that format strings are made of.
 */
import { quote } from '../go-print.ts';
import { doubleToText, valueToText } from './conversion.ts';
import {
  Duration, Failure, isList, isMap, listItems, mapEntries, Timestamp, typeNameOf, Uint, type DataList, type DataMap, type MapValue, type Value,
} from './value.ts';

const PRECISION_DEFAULT = 6;

export interface Clause { readonly verb: string; readonly precision: number | undefined }

/** Faults of clauses that mind their argument, with the type put behind. */
export const CLAUSE_FAULTS: Readonly<Record<string, string>> = {
  s: 'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ',
  d: 'decimal clause can only be used on integers, was given ',
  f: 'fixed-point clause can only be used on doubles, was given ',
  e: 'scientific clause can only be used on doubles, was given ',
  b: 'only integers and bools can be formatted as binary, was given ',
  x: 'only integers, byte buffers, and strings can be formatted as hex, was given ',
  o: 'octal clause can only be used on integers, was given ',
};

/** @param print makes the text of one clause. @returns the whole text. */
export function expandFormat(format: string, size: number, print: (clause: Clause, index: number) => string | Failure): string | Failure {
  let result = '';
  let index = 0;
  let at = 0;
  while (at < format.length) {
    if (format[at] !== '%') { result += format[at++]!; continue; }
    if (format[at + 1] === '%') { result += '%'; at += 2; continue; }
    if (index >= size) return new Failure(`index ${index} out of range`);
    if (at + 1 >= format.length) return new Failure('unexpected end of string');
    const clause = readClause(format.slice(at + 1));
    if (clause instanceof Failure) return clause;
    const text = print(clause, index++);
    if (text instanceof Failure) return text;
    result += text;
    at += 1 + clause.length;
  }
  return result;
}

function readClause(text: string): (Clause & { readonly length: number }) | Failure {
  const precision = /^\.(\d*)/.exec(text);
  const verb = text[precision?.[0].length ?? 0];
  const fault = (why: string): Failure => new Failure(`could not parse formatting clause: ${why}`);
  if (verb === undefined) return fault('error while parsing precision: could not find end of precision specifier');
  if (precision?.[1] === '') return fault('error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax');
  if (!'sdfebxXo'.includes(verb)) return fault(`unrecognized formatting clause "${verb}"`);
  return { verb, precision: precision ? Number(precision[1]) : undefined, length: (precision?.[0].length ?? 0) + 1 };
}

export function formatValues(format: string, list: DataList | readonly Value[]): string | Failure {
  const items = listItems(list);
  if (items instanceof Failure) return items;
  return expandFormat(format, items.length, (clause, index) => {
    const text = printClause(clause, items[index]!);
    return text instanceof Failure ? new Failure(`error during formatting: ${text.message}`) : text;
  });
}

function printClause({ verb, precision }: Clause, value: Value): string | Failure {
  const wrong = new Failure(`${CLAUSE_FAULTS[verb.toLowerCase()]}${typeNameOf(value)}`);
  const whole = value instanceof Uint ? value.value : typeof value === 'bigint' ? value : undefined;
  switch (verb) {
    case 's': return printValue(value) ?? wrong;
    case 'd': return whole === undefined ? wrong : String(whole);
    case 'o': return whole === undefined ? wrong : whole.toString(8);
    case 'b': return typeof value === 'boolean' ? String(Number(value)) : whole === undefined ? wrong : whole.toString(2);
    case 'x': return hex(value, whole) ?? wrong;
    case 'X': return hex(value, whole)?.toUpperCase() ?? wrong;
    case 'f': return special(value) ?? (typeof value === 'number' ? grouped(fixed(value, precision ?? PRECISION_DEFAULT)) : wrong);
    default: return special(value) ?? (typeof value === 'number' ? scientific(value, precision ?? PRECISION_DEFAULT) : wrong);
  }
}

function special(value: Value): string | undefined {
  if (value === 'NaN' || Number.isNaN(value)) return 'NaN';
  if (value === 'Infinity' || value === Infinity) return '∞';
  return value === '-Infinity' || value === -Infinity ? '-∞' : undefined;
}

function hex(value: Value, whole: bigint | undefined): string | undefined {
  if (whole !== undefined) return whole.toString(16);
  return typeof value === 'string' || value instanceof Uint8Array ? Buffer.from(value as string).toString('hex') : undefined;
}

/** Rounded half to even. */
function fixed(value: number, precision: number): string {
  const decimals = Math.min(precision, 100);
  const rounded = value.toFixed(decimals);
  if (decimals > 60 || Math.abs(value) >= 1e21) return rounded;
  const exact = value.toFixed(Math.min(100, decimals + 40));
  const tail = exact.slice(exact.indexOf('.') + 1 + decimals);
  const kept = exact.slice(0, exact.length - tail.length).replace(/\.$/, '');
  return /^50*$/.test(tail) && Number(kept.at(-1)) % 2 === 0 ? kept : rounded;
}

function grouped(text: string): string {
  const [whole, fraction] = text.split('.') as [string, string | undefined];
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (fraction === undefined ? '' : `.${fraction}`);
}

const SUPERSCRIPT = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Upstream takes the precision for a width; six decimals always. */
function scientific(value: number, width: number): string {
  const [mantissa, exponent] = value.toExponential(PRECISION_DEFAULT).split('e') as [string, string];
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0').replace(/\d/g, (digit) => SUPERSCRIPT[Number(digit)]!);
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${digits}`.padStart(width);
}

/** undefined for what has no text. */
function printValue(value: Value): string | Failure | undefined {
  if (value === null) return 'null';
  if (isList(value)) return printList(value);
  if (isMap(value)) return printMap(value);
  return valueToText(value);
}

function printList(list: DataList | readonly Value[]): string | Failure {
  const items = listItems(list);
  if (items instanceof Failure) return items;
  const texts: string[] = [];
  for (const item of items) {
    const text = printMember(item);
    if (text instanceof Failure) return text;
    texts.push(text);
  }
  return `[${texts.join(', ')}]`;
}

function printMap(map: DataMap | MapValue): string | Failure {
  const entries = mapEntries(map);
  if (entries instanceof Failure) return entries;
  const pairs: Array<readonly [string, string]> = [];
  for (const [key, value] of entries) {
    if (!['string', 'boolean', 'bigint'].includes(typeof key) && !(key instanceof Uint)) return new Failure(`no formatting function for map key of type ${typeNameOf(key)}`);
    const text = printMember(value);
    if (text instanceof Failure) return text;
    pairs.push([typeof key === 'string' ? quote(key) : String(valueToText(key)), text]);
  }
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, text]) => `${key}:${text}`).join(', ')}}`;
}

/** As a literal of the language, where it is one. */
function printMember(value: Value): string | Failure {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value.toFixed(PRECISION_DEFAULT) : quote(doubleToText(value));
  const text = printValue(value);
  if (text === undefined) return new Failure(`no formatting function for ${typeNameOf(value)}`);
  if (text instanceof Failure) return text;
  if (value instanceof Uint8Array) return `b${quote(text)}`;
  if (value instanceof Timestamp) return `timestamp(${quote(text)})`;
  if (value instanceof Duration) return `duration(${quote(text)})`;
  return text;
}
