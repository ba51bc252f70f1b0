/**
 * Aggregated discovery as bytes: in JSON each group is encoded when it has changed and kept, so that one more custom resource
 * costs its group.
 */
import { encodeForm } from '../handlers/encode-form.ts';
import type { ResourceTable, TableEntry } from '../resource-table.ts';
import { aggregated, groupsInOrder, versionsInOrder } from './documents.ts';

interface KeptGroup { readonly entries: readonly (readonly TableEntry[])[]; readonly text: string }

const ITEMS = '"items":[';

export function aggregatedEncoder(table: ResourceTable): (format: 'json' | 'protobuf', core: boolean) => Buffer {
  const kept = new Map<string, KeptGroup>();

  function groupText(group: string): string {
    const entries = versionsInOrder(table, group).map((version) => table.entries(group, version));
    const known = kept.get(group);
    if (known?.entries.length === entries.length && known.entries.every((list, index) => list === entries[index])) return known.text;
    const { items } = parts(encodeForm('json', aggregated(table, [group]), false).toString('utf8'));
    kept.set(group, { entries, text: items });
    return items;
  }

  return (format, core) => {
    const groups = core ? [''] : groupsInOrder(table);
    if (format === 'protobuf') return encodeForm(format, aggregated(table, groups), false);
    const served = new Set(['', ...table.groups()]);
    for (const group of kept.keys()) if (!served.has(group)) kept.delete(group);
    const { before, after } = parts(encodeForm('json', aggregated(table, []), false).toString('utf8'));
    return Buffer.from(`${before}${groups.map(groupText).join(',')}${after}`);
  };
}

/** A list around its items; the list is the only thing that ends it. */
function parts(text: string): { before: string; items: string; after: string } {
  const start = text.indexOf(ITEMS) + ITEMS.length;
  const end = text.lastIndexOf(']');
  return { before: text.slice(0, start), items: text.slice(start, end), after: text.slice(end) };
}
