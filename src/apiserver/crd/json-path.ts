/**
 * Finds values by a JSONPath as printer columns and selectable fields have it: `.spec.list[0].name`, `['a.b']`, `[*]`, slices,
 * `..name` and filters such as `[?(@.type=="Ready")]`. Whether a path is sound was checked when its definition came in.
 */
import { isMap } from '#machinery/schema/structural';

type Step = (values: readonly unknown[]) => unknown[];

/** What stands in the way, such as an index beyond the end: there is no answer then. */
class PathError extends Error {}

export type JsonPath = (object: unknown) => readonly unknown[] | undefined;

/** @returns a function that gives what is found, or undefined where the path does not fit the object; undefined for an unsound path. */
export function compileJsonPath(text: string): JsonPath | undefined {
  let steps: Step[];
  try { steps = new Parser(text).steps(); } catch (error) {
    if (error instanceof PathError) return undefined;
    throw error;
  }
  return (object) => {
    try { return run(steps, [object]); } catch (error) {
      if (error instanceof PathError) return undefined;
      throw error;
    }
  };
}

function run(steps: readonly Step[], values: readonly unknown[]): unknown[] {
  let found = [...values];
  for (const step of steps) found = step(found);
  return found;
}

const NAME_END = /[\s.,[\]$@{}=!<>()]/;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) { this.#text = text; }

  steps(): Step[] {
    const steps: Step[] = [];
    while (this.#at < this.#text.length) {
      if (this.#take('@') || this.#take('$')) continue;
      if (this.#take('..')) {
        steps.push(descend);
        const name = this.#name();
        if (name !== '') steps.push(name === '*' ? everything : field(name));
      } else if (this.#take('.')) {
        const name = this.#name();
        if (name !== '') steps.push(name === '*' ? everything : field(name));
      } else if (this.#take('[')) steps.push(this.#bracket());
      else throw new PathError(this.#text);
    }
    return steps;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #name(): string {
    let name = '';
    for (; this.#at < this.#text.length; this.#at++) {
      let char = this.#text[this.#at]!;
      if (char === '\\') char = this.#text[++this.#at] ?? '';
      else if (NAME_END.test(char)) break;
      name += char;
    }
    return name;
  }

  #bracket(): Step {
    if (this.#take('?(')) {
      const end = this.#text.indexOf(')]', this.#at);
      if (end < 0) throw new PathError(this.#text);
      const condition = this.#text.slice(this.#at, end);
      this.#at = end + 2;
      return filter(condition);
    }
    const end = this.#text.indexOf(']', this.#at);
    if (end < 0) throw new PathError(this.#text);
    const inner = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    const parts = inner.split(',').map((part) => part.trim());
    if (parts.length > 1) {
      const steps = parts.map(element);
      return (values) => steps.flatMap((step) => step(values));
    }
    return element(inner);
  }
}

function element(inner: string): Step {
  const key = /^'(.*)'$/.exec(inner);
  // A dot in a quoted name is one between names all the same, unless it is escaped.
  if (key !== null) {
    const steps = new Parser(`.${key[1]!}`).steps();
    return (values) => run(steps, values);
  }
  if (inner === '*') return everything;
  const parts = /^(-?\d*)(?:(:)(-?\d*))?(?::(-?\d*))?$/.exec(inner);
  if (parts === null) throw new PathError(inner);
  const number = (text: string | undefined): number | undefined => (text === undefined || text === '' ? undefined : Number(text));
  const from = number(parts[1]);
  if (parts[2] === undefined && parts[4] === undefined) {
    if (from === undefined) throw new PathError(inner);
    return slice(from, from + 1, from === -1, undefined);
  }
  return slice(from, number(parts[3]), false, number(parts[4]));
}

function field(name: string): Step {
  return (values) => values.flatMap((value) => (isMap(value) && Object.hasOwn(value, name) ? [value[name]] : []));
}

const everything: Step = (values) => values.flatMap((value) => (Array.isArray(value) ? value : isMap(value) ? Object.keys(value).sort().map((key) => value[key]) : []));

/** The values and all below them. */
const descend: Step = (values) => values.flatMap((value) => [value, ...descend(everything([value]))]);

function slice(from: number | undefined, to: number | undefined, toEnd: boolean, step = 1): Step {
  return (values) => values.flatMap((value) => {
    if (value === null || value === undefined) return [];
    if (!Array.isArray(value)) throw new PathError('no list');
    const size = value.length;
    const start = from === undefined ? 0 : from < 0 ? from + size : from;
    let end = to ?? size;
    if (end < 0 || (end === 0 && toEnd)) end += size;
    if (start === end) return [];
    if (start >= size || start < 0 || end > size || end < 0 || start > end || step <= 0) throw new PathError('out of bounds');
    return value.slice(start, end).filter((_, index) => index % step === 0);
  });
}

/** `@.type=="Ready"`, `@.n>1`, `@.present`. */
function filter(condition: string): Step {
  const parts = /^([^!<>=]+)([!<>=]+)(.+)$/.exec(condition);
  const left = operand(parts?.[1] ?? condition);
  const right = parts === null ? undefined : operand(parts[3]!);
  return (values) => values.flatMap((value) => {
    if (!Array.isArray(value)) throw new PathError('no list');
    return value.filter((item) => {
      const lefts = left(item);
      if (right === undefined) return lefts.length > 0;
      const rights = right(item);
      if (lefts.length > 1 || rights.length > 1) throw new PathError('can only compare one element at a time');
      return lefts.length === 1 && rights.length === 1 && compare(lefts[0], parts![2]!, rights[0]);
    });
  });
}

function operand(text: string): (item: unknown) => unknown[] {
  const trimmed = text.trim();
  const quoted = /^(['"])(.*)\1$/s.exec(trimmed);
  if (quoted !== null) return () => [quoted[2]!.replace(/\\(.)/g, '$1')];
  if (/^[+-]?[\d.]+$/.test(trimmed)) return () => [Number(trimmed)];
  if (trimmed === 'true' || trimmed === 'false') return () => [trimmed === 'true'];
  const steps = new Parser(trimmed).steps();
  return (item) => run(steps, [item]);
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  const [a, b] = [left, right].map((value) => (typeof value === 'bigint' ? Number(value) : value)) as [never, never];
  if (typeof a !== typeof b) throw new PathError('incompatible types for comparison');
  switch (operator) {
    case '==': return a === b;
    case '!=': return a !== b;
    case '<': return a < b;
    case '<=': return a <= b;
    case '>': return a > b;
    case '>=': return a >= b;
    default: throw new PathError(operator);
  }
}
