/**
 * An object version in the watch cache: its bytes, and beside them only what lists and watches select by.
 *
 * The bytes are held here, or they are in the store and read each time they are needed. What is selected by is read off them when
 * first asked for; an object that cannot be read says so then.
 */
import { LRUCache } from 'lru-cache';
import { detached } from '#machinery/codec/json-any';
import { pickJson, type WantedFields } from '#machinery/codec/json-pick';
import type { KubeObject } from '#machinery/meta';
import { CorruptError, type KeyValue, type LentValue } from '#storage/contract';

export interface DescribedObject {
  /** `namespace/name`, or the name of a cluster-scoped object: the store's key behind the resource's prefix. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** As stored; see `stored-object.ts`. Outside the JavaScript heap, shared with the store. */
  readonly bytes: Buffer;
  readonly revision: number;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Values of the field selectors beyond metadata.name and metadata.namespace. */
  readonly fields: Readonly<Record<string, string>> | undefined;
  /** The bytes are in the store: `bytes` is a copy, made each time it is asked for. */
  readonly lent?: LentValue | undefined;
}

/** Of the bytes, without reading them. */
export function sizeOf(object: DescribedObject): number { return object.lent === undefined ? object.bytes.length : object.lent.size; }

/** The bytes, of use until anything else is asked of the store. */
export function bytesNow(object: DescribedObject): Buffer { return object instanceof StoredObject ? object.bytesNow() : object.bytes; }

/** Which objects a list or watch is about. */
export interface Selection {
  /** '' for all. */
  readonly namespace: string;
  /** The one object wanted, when only one can match. */
  readonly name: string | undefined;
  /** No selector: every object of the namespace. */
  readonly everything: boolean;
  /** Labels every match must have, for the index. */
  readonly labelPairs: readonly (readonly [key: string, value: string])[];
  /** Fields every match must have, for the index. */
  readonly fieldPairs: readonly (readonly [key: string, value: string])[];
  /** The whole test, namespace aside. */
  matches(object: DescribedObject): boolean;
}

export function selectAll(namespace = ''): Selection {
  return { namespace, name: undefined, everything: true, labelPairs: [], fieldPairs: [], matches: () => true };
}

export function selects(selection: Selection, object: DescribedObject): boolean {
  if (selection.namespace !== '' && object.namespace !== selection.namespace) return false;
  if (selection.name !== undefined && object.name !== selection.name) return false;
  return selection.everything || selection.matches(object);
}

/** What the cache must know of a kind of object. */
export interface Describer {
  readonly namespaced: boolean;
  /** The fields that can be selected by. */
  fields(object: KubeObject): Record<string, string> | undefined;
  /** The record of an object that was read before is damaged now. */
  lost?(object: DescribedObject, error: unknown): void;
  /** Objects have no schema that says which numbers are whole. */
  readonly exactNumbers?: boolean;
  /** What is looked at for labels and fields, when it is little. */
  readonly wanted?: WantedFields;
  /** Bytes in canonical form; the same buffer when they are. @throws when they are no object of this kind. */
  canonical(bytes: Buffer): Buffer;
}

type Facts = Pick<DescribedObject, 'labels' | 'fields'>;

/**
 * Descriptions of what this process has just written itself, by the very buffer written: engines hand the same buffer to the watch
 * where they can, and then the object need not be parsed again. Few, as it is moments until then; a WeakMap grows with all that the
 * store keeps of its past, and stops the process for 0.3 s when it grows.
 */
const known = new LRUCache<Buffer, Facts>({ max: 2_048, maxSize: 8 << 20, sizeCalculation: (_facts, { length }) => length + 1 });

export function rememberDescription(bytes: Buffer, object: KubeObject, describer: Describer): void {
  known.set(bytes, detached({ labels: object.metadata.labels, fields: describer.fields(object) }));
}

export class StoredObject implements DescribedObject {
  readonly key: string;
  readonly namespace: string;
  readonly revision: number;
  readonly #describer: Describer;
  #source: Buffer | LentValue;
  #facts: Facts | undefined;

  constructor(key: string, source: Buffer | LentValue, revision: number, describer: Describer) {
    const slash = describer.namespaced ? key.indexOf('/') : -1;
    this.key = key;
    this.namespace = slash < 0 ? '' : shared(key.slice(0, slash));
    this.revision = revision;
    this.#describer = describer;
    this.#source = source;
  }

  get name(): string { return this.#describer.namespaced ? this.key.slice(this.key.indexOf('/') + 1) : this.key; }
  get bytes(): Buffer { return this.#read((lent) => lent.value); }
  bytesNow(): Buffer { return this.#read((lent) => lent.peek()); }
  get lent(): LentValue | undefined {
    this.settle();
    return this.#source instanceof Uint8Array ? undefined : this.#source;
  }
  get labels(): Facts['labels'] { return this.settle().labels; }
  get fields(): Facts['fields'] { return this.settle().fields; }

  #read(how: (lent: LentValue) => Buffer): Buffer {
    this.settle();
    if (this.#source instanceof Uint8Array) return this.#source;
    try {
      return how(this.#source);
    } catch (error) {
      if (error instanceof CorruptError) this.#describer.lost?.(this, error);
      throw error;
    }
  }

  /** Reads what it is selected by. @throws when it is no object of its kind, or damaged. */
  settle(): Facts {
    if (this.#facts !== undefined) return this.#facts;
    const source = this.#source;
    const held = source instanceof Uint8Array ? source : undefined;
    const stored = source instanceof Uint8Array ? source : source.peek();
    const bytes = this.#describer.canonical(stored);
    if (bytes !== stored) this.#source = bytes;
    // What the store lends was checked: it is the JSON that was written.
    const { wanted } = this.#describer;
    if (held === undefined && wanted !== undefined) this.#facts = factsOf(pickJson(bytes, wanted) as unknown as KubeObject, this.#describer);
    else this.#facts = (bytes === held ? known.get(held) : undefined) ?? factsOf(JSON.parse(bytes.toString('utf8')) as KubeObject, this.#describer);
    return this.#facts;
  }
}

function factsOf(object: KubeObject, describer: Describer): Facts {
  return { labels: sharing(object.metadata.labels), fields: sharing(describer.fields(object)) };
}

/** Most values are the same in many objects. */
function sharing(values: Record<string, string> | undefined): Record<string, string> | undefined {
  if (typeof values === 'object') for (const name in values) values[name] = shared(values[name]!);
  return values;
}

/** @throws when it is no object of its kind. */
export function describe(key: string, stored: Buffer, revision: number, describer: Describer): DescribedObject {
  const object = new StoredObject(key, stored, revision, describer);
  object.settle();
  return object;
}

/** To be settled: nothing is read yet. @param key behind the resource's prefix. */
export function unsettled(key: string, item: KeyValue, describer: Describer): StoredObject {
  return new StoredObject(key, item.lent ?? item.value, item.modRevision, describer);
}

/** One text for all objects that have it: namespaces, values of labels and fields. */
const texts = new Map<string, string>();
const TEXTS_MAX = 20_000;

function shared(text: string): string {
  const found = texts.get(text);
  if (found !== undefined) return found;
  if (texts.size >= TEXTS_MAX) texts.clear();
  texts.set(text, text);
  return text;
}
