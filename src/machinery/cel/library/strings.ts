/**
 * Text: the extension library's version 2. Positions count code points.
 */
import { quote } from '../../go-print.ts';
import { CostLimitError, WRITTEN_MAX } from '../cost-limit.ts';
import { overload, type Library } from '../declaration.ts';
import { formatValues } from '../format-string.ts';
import { compilePattern, findPattern } from '../pattern.ts';
import { Failure, listItems, type DataList, type Value } from '../value.ts';

type List = DataList | readonly Value[];
const outOfRange = (index: bigint): Failure => new Failure(`index out of range: ${index}`);

function charAt([text, index]: [string, bigint]): string | Failure {
  const characters = [...text];
  if (index < 0n || index > BigInt(characters.length)) return outOfRange(index);
  return characters[Number(index)] ?? '';
}

/** Where a character begins in UTF-16. */
function unitsBefore(text: string, characters: number): number {
  if (!SURROGATES.test(text)) return characters;
  let units = 0;
  for (let left = characters; left > 0 && units < text.length; left--) units += text.codePointAt(units)! > 0xffff ? 2 : 1;
  return units;
}

const SURROGATES = /[\ud800-\udfff]/;
const characterCount = (text: string): number => (SURROGATES.test(text) ? [...text].length : text.length);

function indexOf([text, wanted, offset = 0n]: [string, string, bigint?]): bigint | Failure {
  if (wanted === '') return offset;
  if (offset < 0n || offset > BigInt(characterCount(text))) return outOfRange(offset);
  const at = text.indexOf(wanted, unitsBefore(text, Number(offset)));
  return BigInt(at < 0 ? -1 : characterCount(text.slice(0, at)));
}

/** The first one in the text turned round: searching backwards costs as the product of both lengths. */
function lastIndexOf([text, wanted, offset]: [string, string, bigint?]): bigint | Failure {
  const size = characterCount(text);
  if (wanted === '') return offset ?? BigInt(size);
  const wantedSize = characterCount(wanted);
  const from = offset ?? BigInt(Math.max(0, size - wantedSize));
  if (from < 0n || from > BigInt(size)) return outOfRange(from);
  if (wantedSize > size) return -1n;
  const skipped = Math.max(0, size - wantedSize - Number(from));
  const turned = [...text].reverse().join('');
  const at = turned.indexOf([...wanted].reverse().join(''), unitsBefore(turned, skipped));
  return BigInt(at < 0 ? -1 : size - wantedSize - characterCount(turned.slice(0, at)));
}

function substring([text, start, end]: [string, bigint, bigint?]): string | Failure {
  const characters = [...text];
  const size = BigInt(characters.length);
  if (end !== undefined && start > end) return new Failure(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > size) return outOfRange(start);
  if (end !== undefined && (end < 0n || end > size)) return outOfRange(end);
  return characters.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

function replace([text, old, by, limit = -1n]: [string, string, string, bigint?]): string {
  const pieces = old === '' ? ['', ...text, ''] : text.split(old);
  const whole = old === '' ? [...text].length + 1 : pieces.length - 1;
  const count = limit < 0n ? whole : Math.min(whole, Number(limit));
  if (text.length + count * (by.length - old.length) > WRITTEN_MAX) throw new CostLimitError();
  if (old === '') return insertBetween([...text], by, count);
  return pieces.slice(0, count + 1).join(by) + pieces.slice(count + 1).map((piece) => old + piece).join('');
}

function insertBetween(characters: readonly string[], by: string, count: number): string {
  const pieces: string[] = [];
  for (let at = 0; at <= characters.length; at++) pieces.push(at < count ? by : '', characters[at] ?? '');
  return pieces.join('');
}

function split([text, separator, limit = -1n]: [string, string, bigint?]): string[] {
  if (limit === 0n) return [];
  const pieces = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || BigInt(pieces.length) <= limit) return pieces;
  const count = Number(limit) - 1;
  return [...pieces.slice(0, count), pieces.slice(count).join(separator)];
}

function join([list, separator = '']: [List, string?]): string | Failure {
  const items = listItems(list);
  if (items instanceof Failure) return items;
  const wrong = items.find((item) => typeof item !== 'string');
  return wrong === undefined ? items.join(separator) : new Failure('no such overload');
}

/** Unicode white space as Go's TrimSpace has it. */
const trim = ([text]: [string]): string => text.replace(/^[\s\u0085]+|[\s\u0085]+$/g, '');

const find = ([text, pattern]: [string, string]): string | Failure => {
  const compiled = compilePattern(pattern);
  return compiled instanceof Failure ? new Failure(`Illegal regex: ${compiled.message}`) : findPattern(text, compiled, 1)[0] ?? '';
};

const findAll = ([text, pattern, limit = -1n]: [string, string, bigint?]): string[] | Failure => {
  const compiled = compilePattern(pattern);
  return compiled instanceof Failure ? new Failure(`Illegal regex: ${compiled.message}`) : findPattern(text, compiled, Number(limit));
};

export const STRINGS: Library = [
  overload('string_char_at_int', '(string).charAt(int): string', charAt),
  overload('string_index_of_string', '(string).indexOf(string): int', indexOf),
  overload('string_index_of_string_int', '(string).indexOf(string, int): int', indexOf),
  overload('string_last_index_of_string', '(string).lastIndexOf(string): int', lastIndexOf),
  overload('string_last_index_of_string_int', '(string).lastIndexOf(string, int): int', lastIndexOf),
  overload('string_lower_ascii', '(string).lowerAscii(): string', ([text]: [string]) => text.replace(/[A-Z]+/g, (found) => found.toLowerCase())),
  overload('string_upper_ascii', '(string).upperAscii(): string', ([text]: [string]) => text.replace(/[a-z]+/g, (found) => found.toUpperCase())),
  overload('string_replace_string_string', '(string).replace(string, string): string', replace),
  overload('string_replace_string_string_int', '(string).replace(string, string, int): string', replace),
  overload('string_split_string', '(string).split(string): list(string)', split),
  overload('string_split_string_int', '(string).split(string, int): list(string)', split),
  overload('string_substring_int', '(string).substring(int): string', substring),
  overload('string_substring_int_int', '(string).substring(int, int): string', substring),
  overload('string_trim', '(string).trim(): string', trim),
  overload('string_format', '(string).format(list(dyn)): string', ([format, list]: [string, List]) => formatValues(format, list)),
  overload('strings_quote', 'strings.quote(string): string', ([text]: [string]) => quote(text)),
  overload('list_join', '(list(string)).join(): string', join),
  overload('list_join_string', '(list(string)).join(string): string', join),
  overload('string_find_string', '(string).find(string): string', find),
  overload('string_find_all_string', '(string).findAll(string): list(string)', findAll),
  overload('string_find_all_string_int', '(string).findAll(string, int): list(string)', findAll),
];
