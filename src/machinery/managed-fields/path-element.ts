/**
 * One step of a path in FieldsV1, in its serialised form: `f:name`, `k:{"key":"value"}`, `v:"set item"`, `i:0`.
 *
 * The serialised text is the identity of a step everywhere in this room, so it is always written here, in upstream's canonical form.
 */
import { formatFloat, goJson, quote } from '../go-print.ts';
import { isObject } from '../patch/json-value.ts';
import type { MergeList } from './merge-type.ts';

/** A list whose items cannot be told apart; the text is upstream's. */
export class PathElementError extends Error {}

/** The step to an item of a set or of a list with keys. @throws PathElementError */
export function listItemElement(list: MergeList, item: unknown): string {
  return list.keys.length > 0 ? keyedElement(list, item) : valueElement(item);
}

function keyedElement(list: MergeList, item: unknown): string {
  if (item === null || item === undefined) throw new PathElementError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new PathElementError('associative list with keys may not have non-map elements');
  const { keys } = list;
  let text = '';
  for (const key of keys.length > 1 ? sortedKeys(keys) : keys) {
    const value = Object.hasOwn(item, key) ? item[key] : list.item.map?.keyDefault(key);
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${scalarJson(value)}`;
  }
  if (text === '') {
    throw new PathElementError('associative list with keys has an element that omits all key fields '
      + `[${keys.map(quote).join(' ')}] (and doesn't have default values for any key fields)`);
  }
  return `k:{${text}}`;
}

const sortedKeysOf = new WeakMap<readonly string[], readonly string[]>();

function sortedKeys(keys: readonly string[]): readonly string[] {
  let sorted = sortedKeysOf.get(keys);
  if (sorted === undefined) sortedKeysOf.set(keys, sorted = [...keys].sort());
  return sorted;
}

function valueElement(item: unknown): string {
  if (item === null || item === undefined) throw new PathElementError("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new PathElementError('not supported: associative list with lists as elements');
  if (typeof item === 'object') throw new PathElementError("associative list without keys has an element that's a map type");
  return `v:${scalarJson(item)}`;
}

const PLAIN = /^[\x20\x21\x23-\x25\x27-\x3b\x3d\x3f-\x5b\x5d-\x7e]*$/;

function scalarJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'string' && PLAIN.test(value) ? `"${value}"` : goJson(value);
}

/** As paths are printed in conflicts: `.name`, `[key="value"]`, `[="set item"]`, `[0]`. */
export function elementText(element: string): string {
  const body = element.slice(2);
  switch (element[0]) {
    case 'f': return `.${body}`;
    case 'k': return `[${Object.entries(parse(body) as object).map(([key, value]) => `${key}=${valueText(value)}`).join(',')}]`;
    case 'v': return `[=${valueText(parse(body))}]`;
    default: return `[${body}]`;
  }
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return formatFloat(value);
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`;
  if (isObject(value)) return Object.entries(value).map(([key, inner]) => `${key}=${valueText(inner)}`).join('');
  return String(value);
}

const RANK: Readonly<Record<string, number>> = { '.': 0, f: 1, k: 2, v: 3, i: 4 };

/** Upstream's order: field names, keys, values, indexes. */
export function compareElements(left: string, right: string): number {
  if (left === right) return 0;
  const kind = left[0] as string;
  if (kind !== right[0]) return (RANK[kind] ?? 5) - (RANK[right[0] as string] ?? 5);
  if (kind === 'f' || kind === '.') return left < right ? -1 : 1;
  const a = parsedBody(left);
  const b = parsedBody(right);
  return kind === 'k' && isObject(a) && isObject(b) ? compareKeys(Object.entries(a), Object.entries(b)) : compareValues(a, b);
}

const PARSED_MAX = 4_000;
const PARSED_CHARACTERS_MAX = 200;
const parsed = new Map<string, unknown>();

/** What the step's text says, kept for the steps that come again and again. */
function parsedBody(element: string): unknown {
  let body = parsed.get(element);
  if (body !== undefined) return body;
  body = parse(element.slice(2));
  if (element.length > PARSED_CHARACTERS_MAX) return body;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(element, body);
  return body;
}

function compareKeys(left: [string, unknown][], right: [string, unknown][]): number {
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [leftName, leftValue] = left[i] as [string, unknown];
    const [rightName, rightValue] = right[i] as [string, unknown];
    if (leftName !== rightName) return leftName < rightName ? -1 : 1;
    const order = compareValues(leftValue, rightValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const VALUE_RANK: Readonly<Record<string, number>> = { number: 0, string: 1, boolean: 2 };

function compareValues(left: unknown, right: unknown): number {
  const rank = (VALUE_RANK[typeof left] ?? 3) - (VALUE_RANK[typeof right] ?? 3);
  if (rank !== 0 || left === right) return rank;
  return (left as number | string) < (right as number | string) ? -1 : 1;
}

/** The step in canonical form; undefined for one of a kind unknown today, which is dropped. @throws PathElementError */
export function canonicalElement(element: string): string | undefined {
  if (element.length < 2) throw new PathElementError('key must be 2 characters long:');
  if (element[1] !== ':') throw new PathElementError(`missing colon: ${element}`);
  const body = element.slice(2);
  switch (element[0]) {
    case 'f': return element;
    case 'v': return `v:${scalarJson(parse(body))}`;
    case 'i': {
      if (!/^[+-]?\d+$/.test(body)) throw new PathElementError(`strconv.Atoi: parsing ${quote(body)}: invalid syntax`);
      return `i:${Number(body)}`;
    }
    case 'k': {
      const keys = parse(body);
      if (!isObject(keys)) throw new PathElementError(`expected object: ${body}`);
      return `k:{${Object.keys(keys).sort().map((key) => `${JSON.stringify(key)}:${scalarJson(keys[key])}`).join(',')}}`;
    }
    default: return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PathElementError(`not JSON: ${text}`);
  }
}
