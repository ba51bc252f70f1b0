/**
 * From the table that stands to the one that is wanted, as one nft transaction: what is new, what is gone, what changed.
 *
 * Order matters within a transaction: chains and maps are declared before they are named, elements go before the chains
 * they point to. Affinity sets fill themselves in the kernel; their elements are never touched.
 */
import type { DesiredTable } from './desired-table.ts';

/** Text for `nft -f -` that builds the table from nothing, replacing what stood under its name. */
export function fullTransaction(wanted: DesiredTable): string {
  const name = `${wanted.family} ${wanted.table}`;
  const lines = [`add table ${name}`, `delete table ${name}`, `add table ${name}`];
  appendChanges(lines, undefined, wanted);
  return `${lines.join('\n')}\n`;
}

/** Text for the difference; '' when there is none. */
export function incrementalTransaction(current: DesiredTable, wanted: DesiredTable): string {
  const lines: string[] = [];
  appendChanges(lines, current, wanted);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function appendChanges(lines: string[], current: DesiredTable | undefined, wanted: DesiredTable): void {
  const name = `${wanted.family} ${wanted.table}`;
  const rewritten: string[] = [];
  for (const [map, { kind, declaration }] of wanted.maps) {
    if (current?.maps.get(map)?.declaration !== declaration) lines.push(`add ${kind} ${name} ${map} { ${declaration} }`);
  }
  for (const [chain, rules] of wanted.chains) {
    const before = current?.chains.get(chain);
    if (before !== undefined && sameRules(before, rules)) continue;
    const hook = wanted.hooks.get(chain);
    if (before === undefined) lines.push(`add chain ${name} ${chain}${hook === undefined ? '' : ` { ${hook} }`}`);
    else lines.push(`flush chain ${name} ${chain}`);
    rewritten.push(chain);
  }
  for (const chain of rewritten) for (const rule of wanted.chains.get(chain)!) lines.push(`add rule ${name} ${chain} ${rule}`);
  for (const [map, { elements, kind }] of wanted.maps) appendElements(lines, name, map, kind, current?.maps.get(map)?.elements ?? new Map(), elements);
  if (current === undefined) return;
  for (const [map, { elements, kind }] of current.maps) {
    if (!wanted.maps.has(map)) appendElements(lines, name, map, kind, elements, new Map());
  }
  const goneChains = [...current.chains.keys()].filter((chain) => !wanted.chains.has(chain));
  for (const chain of goneChains) lines.push(`flush chain ${name} ${chain}`);
  for (const chain of goneChains) lines.push(`delete chain ${name} ${chain}`);
  for (const [map, { kind }] of current.maps) if (!wanted.maps.has(map)) lines.push(`delete ${kind} ${name} ${map}`);
}

/** Elements on one line, so that a line stays far below nft's limits. */
const ELEMENTS_PER_LINE = 200;

function appendElements(lines: string[], table: string, map: string, kind: 'map' | 'set', before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  const gone: string[] = [];
  const added: string[] = [];
  const text = (key: string, value: string): string => (kind === 'set' ? key : `${key} : ${value}`);
  for (const [key, value] of before) if (after.get(key) !== value) gone.push(text(key, value));
  for (const [key, value] of after) if (before.get(key) !== value) added.push(text(key, value));
  for (const [verb, elements] of [['delete', gone], ['add', added]] as const) {
    for (let i = 0; i < elements.length; i += ELEMENTS_PER_LINE) {
      lines.push(`${verb} element ${table} ${map} { ${elements.slice(i, i + ELEMENTS_PER_LINE).join(', ')} }`);
    }
  }
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}
