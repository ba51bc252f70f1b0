/**
 * Which objects of a resource have a label or field of some value.
 *
 *     labels  app → web → {default/web-1, default/web-2}        fields  spec.nodeName → node-1 → {default/web-1}
 */
import type { DescribedObject, Selection } from './described.ts';

type Values = Map<string, Set<string>>;

const NONE: ReadonlySet<string> = new Set();

export class SelectorIndex {
  readonly #labels = new Map<string, Values>();
  readonly #fields = new Map<string, Values>();

  clear(): void {
    this.#labels.clear();
    this.#fields.clear();
  }

  add({ key, labels, fields }: Pick<DescribedObject, 'key' | 'labels' | 'fields'>): void {
    for (const name in labels) add(this.#labels, name, labels[name]!, key);
    for (const name in fields) if (fields[name] !== '') add(this.#fields, name, fields[name]!, key);
  }

  remove({ key, labels, fields }: Pick<DescribedObject, 'key' | 'labels' | 'fields'>): void {
    for (const name in labels) remove(this.#labels, name, labels[name]!, key);
    for (const name in fields) remove(this.#fields, name, fields[name]!, key);
  }

  /** The smallest set that holds the key of every match; undefined when the selection names no value. */
  candidates({ labelPairs, fieldPairs }: Pick<Selection, 'labelPairs' | 'fieldPairs'>): ReadonlySet<string> | undefined {
    let best: ReadonlySet<string> | undefined;
    const look = (index: ReadonlyMap<string, Values>, name: string, value: string): void => {
      const keys = index.get(name)?.get(value) ?? NONE;
      if (best === undefined || keys.size < best.size) best = keys;
    };
    for (const [name, value] of labelPairs) look(this.#labels, name, value);
    for (const [name, value] of fieldPairs) if (value !== '') look(this.#fields, name, value);
    return best;
  }
}

function add(index: Map<string, Values>, name: string, value: string, key: string): void {
  let values = index.get(name);
  if (values === undefined) index.set(name, values = new Map());
  const keys = values.get(value);
  if (keys === undefined) values.set(value, new Set([key])); else keys.add(key);
}

function remove(index: Map<string, Values>, name: string, value: string, key: string): void {
  const values = index.get(name);
  const keys = values?.get(value);
  if (keys?.delete(key) !== true || keys.size > 0) return;
  values!.delete(value);
  if (values!.size === 0) index.delete(name);
}
