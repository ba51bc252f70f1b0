/** Judges a list that came in pages: their union is exactly the state at the one revision they all name. */
import type { Violation } from './strict-serializability.ts';
import type { StoreLog } from './store-log.ts';

export interface Page { readonly revision: number; readonly items: readonly { readonly key: string; readonly value: string; readonly revision: number }[] }

export function checkPages(name: string, pages: readonly Page[], range: { readonly first: string; readonly last: string }, limit: number, log: StoreLog): Violation[] {
  const violations: Violation[] = [];
  const fault = (rule: string, text: string): void => { violations.push({ rule, text: `${name}: ${text}` }); };
  const revision = pages[0]?.revision ?? 0;
  for (const [i, page] of pages.entries()) {
    if (page.revision !== revision) fault('one revision', `page ${i} is of ${page.revision}, the first of ${revision}`);
    if (page.items.length > limit || (page.items.length < limit && i < pages.length - 1)) fault('page size', `page ${i} has ${page.items.length} of ${limit}`);
  }
  const found = pages.flatMap((page) => page.items);
  const expected = log.range(range.first, range.last, revision);
  for (let i = 0; i < Math.max(found.length, expected.length); i++) {
    const [a, b] = [found[i], expected[i]];
    if (a?.key === b?.key && a?.revision === b?.revision && a?.value === b?.value) continue;
    fault('snapshot', `item ${i} is ${JSON.stringify(a)}, at ${revision} it was ${JSON.stringify(b)}`);
    break;
  }
  return violations;
}
