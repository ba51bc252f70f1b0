/**
 * An object version in the watch cache: its bytes, and beside them only what lists and watches select by.
 */
import { detached } from '#machinery/codec/json-any';
import type { KubeObject } from '#machinery/meta';

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
}

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
  /** Objects have no schema that says which numbers are whole. */
  readonly exactNumbers?: boolean;
  /** Bytes in canonical form; the same buffer when they are. @throws when they are no object of this kind. */
  canonical(bytes: Buffer): Buffer;
}

/**
 * Descriptions of what this process wrote itself, by the very buffer written: engines hand the same buffer to the watch
 * where they can, and then the object need not be parsed again.
 */
const known = new WeakMap<Buffer, Pick<DescribedObject, 'labels' | 'fields'>>();

export function rememberDescription(bytes: Buffer, object: KubeObject, describer: Describer): void {
  known.set(bytes, detached({ labels: object.metadata.labels, fields: describer.fields(object) }));
}

export function describe(key: string, stored: Buffer, revision: number, describer: Describer): DescribedObject {
  const slash = describer.namespaced ? key.indexOf('/') : -1;
  const namespace = slash < 0 ? '' : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const bytes = describer.canonical(stored);
  let facts = bytes === stored ? known.get(stored) : undefined;
  if (facts === undefined) {
    const object = JSON.parse(bytes.toString('utf8')) as KubeObject;
    facts = { labels: object.metadata.labels, fields: describer.fields(object) };
  }
  return { key, namespace, name, bytes, revision, labels: facts.labels, fields: facts.fields };
}
