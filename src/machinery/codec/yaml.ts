/**
 * YAML as Kubernetes reads it: YAML 1.1 scalars (`yes`, `0644`, `1_000`), the first document only, turned into JSON text.
 *
 * The library splits the text into events; what they mean is decided here, because upstream's rules (which plain texts are
 * numbers, how keys become strings, merge keys, how much aliases may expand) are no schema's rules.
 */
import { DUMP_SCHEMA, EVENT_ID, SCALAR_STYLE, YAMLException, dump, getScalarValue, intYaml11Tag, parseEvents } from 'js-yaml';
import type { Event, MappingEvent, ScalarEvent, SequenceEvent } from 'js-yaml';
import { quote } from '../go-print.ts';
import { DecodeError, MalformedError } from './decode-error.ts';
import { exactInt64, setOwn } from './json-any.ts';
import { encodeSorted } from './json-encode.ts';
import { KEPT_DEPTH_MAX } from './json-reader.ts';
import { yamlFaultText } from './yaml-fault.ts';

/** Nodes of one document, expanded aliases counted as often as they stand. */
const NODES_MAX = 400_000;
const ALIAS_NODES_FREE = 100;
const NODES_FREE = 1000;

export interface YamlOutcome {
  /** JSON text; `null` for an empty document. */
  readonly json: string;
  /** `line 5: key "kind" already set in map`. */
  readonly duplicates: readonly string[];
}

/** @throws MalformedError with a text that starts with `yaml: `. */
export function yamlToJson(text: string): YamlOutcome {
  const { value, duplicates } = parseYaml(text);
  return { json: encodeSorted(value), duplicates };
}

/** The first document as plain values; integers beyond 2^53 as bigint. @throws MalformedError */
export function parseYaml(text: string): { readonly value: unknown; readonly duplicates: readonly string[] } {
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: KEPT_DEPTH_MAX });
  } catch (error) {
    if (error instanceof YAMLException) throw new MalformedError(yamlFaultText(text, error.reason, error.mark));
    throw error;
  }
  const builder = new YamlBuilder(text, events);
  return { value: builder.document(), duplicates: builder.duplicates };
}

class YamlBuilder {
  readonly duplicates: string[] = [];
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #anchors = new Map<string, number>();
  /** Anchors being expanded: one of them inside itself is a cycle. */
  readonly #open = new Set<string>();
  #position = 0;
  #nodes = 0;
  #aliasNodes = 0;
  #aliasDepth = 0;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
  }

  document(): unknown {
    const first = this.#events[0];
    if (first === undefined) return null;
    this.#position = first.type === EVENT_ID.DOCUMENT ? 1 : 0;
    const content = this.#events[this.#position];
    return content === undefined || content.type === EVENT_ID.POP || content.type === EVENT_ID.DOCUMENT ? null : this.#node();
  }

  #node(): unknown {
    this.#count();
    const event = this.#events[this.#position]!;
    switch (event.type) {
      case EVENT_ID.ALIAS: return this.#alias(this.#text.slice(event.anchorStart, event.anchorEnd));
      case EVENT_ID.SCALAR:
        this.#anchor(event);
        this.#position++;
        return this.#scalar(event);
      case EVENT_ID.SEQUENCE: return this.#sequence(event);
      case EVENT_ID.MAPPING: return this.#mapping(event);
      default: throw new MalformedError('yaml: did not find expected node content');
    }
  }

  #count(): void {
    this.#nodes++;
    if (this.#aliasDepth > 0) this.#aliasNodes++;
    const excessive = this.#aliasNodes > ALIAS_NODES_FREE && this.#nodes > NODES_FREE && this.#aliasNodes / this.#nodes > 0.99;
    if (excessive || this.#nodes > NODES_MAX) throw new MalformedError('yaml: document contains excessive aliasing');
  }

  #anchor(event: ScalarEvent | SequenceEvent | MappingEvent): string | undefined {
    if (event.anchorStart < 0) return undefined;
    const name = this.#text.slice(event.anchorStart, event.anchorEnd);
    if (this.#aliasDepth === 0) this.#anchors.set(name, this.#position);
    return name;
  }

  #alias(name: string): unknown {
    const target = this.#anchors.get(name);
    if (target === undefined) throw new MalformedError(`yaml: unknown anchor '${name}' referenced`);
    if (this.#open.has(name)) throw new MalformedError(`yaml: anchor '${name}' value contains itself`);
    const after = this.#position + 1;
    this.#position = target;
    this.#aliasDepth++;
    const value = this.#node();
    this.#aliasDepth--;
    this.#position = after;
    return value;
  }

  #sequence(event: SequenceEvent): unknown[] {
    const anchor = this.#enter(event);
    const out: unknown[] = [];
    while (this.#events[this.#position]!.type !== EVENT_ID.POP) out.push(this.#node());
    this.#leave(anchor);
    return out;
  }

  #mapping(event: MappingEvent): Record<string, unknown> {
    const anchor = this.#enter(event);
    const out: Record<string, unknown> = {};
    const seen = new Set<string>();
    while (this.#events[this.#position]!.type !== EVENT_ID.POP) {
      const keyEvent = this.#events[this.#position]!;
      const isMerge = this.#isMergeKey(keyEvent);
      const keyValue = this.#node();
      const value = this.#node();
      if (isMerge) { this.#merge(out, value); continue; }
      const key = keyText(keyValue);
      if (seen.has(key) && this.#aliasDepth === 0) this.duplicates.push(`line ${this.#lineOf(keyEvent)}: key ${printKey(keyValue)} already set in map`);
      seen.add(key);
      setOwn(out, key, value);
    }
    this.#leave(anchor);
    return out;
  }

  #enter(event: SequenceEvent | MappingEvent): string | undefined {
    const anchor = this.#anchor(event);
    if (anchor !== undefined) this.#open.add(anchor);
    this.#position++;
    return anchor;
  }

  #leave(anchor: string | undefined): void {
    if (anchor !== undefined) this.#open.delete(anchor);
    this.#position++;
  }

  #isMergeKey(event: Event): boolean {
    return event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN && event.tagStart < 0 && getScalarValue(this.#text, event) === '<<';
  }

  #merge(target: Record<string, unknown>, source: unknown): void {
    const sources = Array.isArray(source) ? source.toReversed() : [source];
    for (const item of sources) {
      if (typeof item !== 'object' || item === null || Array.isArray(item)) throw new MalformedError('yaml: map merge requires map or sequence of maps as the value');
      for (const key of Object.keys(item)) setOwn(target, key, (item as Record<string, unknown>)[key]);
    }
  }

  #lineOf(event: Event): number {
    const position = event.type === EVENT_ID.SCALAR ? event.valueStart : 0;
    let line = 1;
    for (let at = this.#text.indexOf('\n'); at >= 0 && at < position; at = this.#text.indexOf('\n', at + 1)) line++;
    return line;
  }

  #scalar(event: ScalarEvent): unknown {
    const text = getScalarValue(this.#text, event);
    const tag = event.tagStart < 0 ? '' : this.#text.slice(event.tagStart, event.tagEnd);
    if (tag === '' ? event.style !== SCALAR_STYLE.PLAIN : tag === '!' || tag === '!!str') return text;
    if (tag === '!!binary') {
      if (!/^[A-Za-z0-9+/=\s]*$/.test(text)) throw new MalformedError('yaml: !!binary value contains invalid base64 data');
      return Buffer.from(text, 'base64').toString('utf8');
    }
    if (tag !== '' && !/^!!(?:null|bool|int|float)$/.test(tag)) return text;
    const value = resolvePlain(text);
    if (tag === '!!float' && (typeof value === 'number' || typeof value === 'bigint')) return Number(value);
    if (tag !== '' && tag !== tagOf(value)) throw new MalformedError(`yaml: cannot decode ${tagOf(value)} \`${text}\` as a ${tag}`);
    return value;
  }
}

const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word): [string, unknown] => [word, true]),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word): [string, unknown] => [word, false]),
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, unknown] => [word, null]),
  ...['.nan', '.NaN', '.NAN'].map((word): [string, unknown] => [word, Number.NaN]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word): [string, unknown] => [word, Number.POSITIVE_INFINITY]),
  ...['-.inf', '-.Inf', '-.INF'].map((word): [string, unknown] => [word, Number.NEGATIVE_INFINITY]),
]);
const FLOAT = /^[-+]?\d*\.?\d+(?:[eE][-+]\d+)?$/;

/** What a plain scalar means. */
function resolvePlain(text: string): unknown {
  if (WORDS.has(text)) {
    const value = WORDS.get(text);
    if (typeof value === 'number') throw new DecodeError(`json: unsupported value: ${Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'}`);
    return value;
  }
  if (!/^[-+.\d]/.test(text)) return text;
  const plain = text.startsWith('.') ? text : text.replaceAll('_', '');
  const integer = text.startsWith('.') ? undefined : integerOf(plain);
  if (integer !== undefined) return integer;
  return FLOAT.test(plain) ? Number(plain) : text;
}

/** Decimal, 0x, 0o, 0b, and octal by a leading zero. */
function integerOf(text: string): number | bigint | undefined {
  const match = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const literal = hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : decimal!;
  const exact = BigInt(literal);
  return exactInt64(String(sign === '-' ? -exact : exact));
}

function tagOf(value: unknown): string {
  if (value === null) return '!!null';
  if (typeof value === 'boolean') return '!!bool';
  if (typeof value === 'string') return '!!str';
  return Number.isInteger(value) || typeof value === 'bigint' ? '!!int' : '!!float';
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key);
  const type = key === null ? '%!s(<nil>)' : Array.isArray(key) ? '[]interface {}' : 'map[interface {}]interface {}';
  throw new MalformedError(`unsupported map key of type: ${type}`);
}

function printKey(key: unknown): string {
  return typeof key === 'string' ? quote(key) : String(key);
}

/** Integers of any size are printed in full. */
const OUTPUT_SCHEMA = DUMP_SCHEMA.withTags({
  ...intYaml11Tag, identify: (data) => typeof data === 'bigint' || intYaml11Tag.identify(data), represent: (data) => String(data),
});

/** YAML of a JSON value: sorted keys, lists not indented, whatever YAML 1.1 would misread quoted. */
export function encodeYaml(value: unknown): string {
  return dump(value, { schema: OUTPUT_SCHEMA, noRefs: true, lineWidth: -1, sortKeys: true, seqNoIndent: true, quoteStyle: 'double' });
}
