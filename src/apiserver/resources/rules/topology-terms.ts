/** The rules of topology selector terms, which say where volumes of a class may be. */
import type { TopologySelectorTerm } from '#api/generated/core/v1';
import type { Faults } from './faults.ts';
import { checkLabelName } from './metadata.ts';
import { deprecatedNodeLabelText } from './node-labels.ts';

export function checkTopologyTerms(terms: readonly TopologySelectorTerm[] | undefined, place: string, faults: Faults): void {
  // Upstream compares with as many empty terms as there are terms, besides those before.
  const seen = (terms ?? []).map(() => '[]');
  for (const [index, term] of (terms ?? []).entries()) {
    const byKey = checkTerm(term, `${place}[${index}]`, faults);
    for (const other of seen) if (byKey === other) faults.duplicate(`${place}[${index}].matchLabelExpressions`, '');
    seen.push(byKey);
  }
}

/** @returns the term in a form that is equal for equal terms. */
function checkTerm(term: TopologySelectorTerm, place: string, faults: Faults): string {
  const byKey = new Map<string, string[]>();
  for (const [index, { key = '', values = [] }] of (term.matchLabelExpressions ?? []).entries()) {
    const at = `${place}.matchLabelExpressions[${index}]`;
    if (values.length === 0) faults.required(`${at}.values`);
    for (const [position, value] of values.entries()) if (values.indexOf(value) < position) faults.duplicate(`${at}.values[${position}]`, value);
    checkLabelName(key, `${at}.key`, faults);
    if (byKey.has(key)) faults.duplicate(`${at}.key`, key);
    byKey.set(key, [...new Set(values)].sort());
  }
  return JSON.stringify([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function topologyTermWarnings(terms: readonly TopologySelectorTerm[] | undefined, place: string): string[] {
  return (terms ?? []).flatMap((term, index) => (term.matchLabelExpressions ?? []).flatMap(({ key }, at) => {
    const text = deprecatedNodeLabelText(key);
    return text ? [`${place}[${index}].matchLabelExpressions[${at}].key: ${text}`] : [];
  }));
}
