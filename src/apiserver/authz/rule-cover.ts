/**
 * Whether one set of RBAC rules covers another: the arithmetic behind escalation checks and policy reconciliation.
 *
 * Rules are broken into single (group, resource, verb, name) or (path, verb) pieces; a piece is covered when one owner
 * rule covers it whole.
 */
import type { PolicyRule } from '#api/generated/rbac/v1';
import { quote } from '#machinery/go-print';
import { urlCovers } from './rule-match.ts';

/** The pieces of `wanted` that no rule of `owned` covers. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(brokenDown).filter((piece) => !owned.some((rule) => covers(rule, piece)));
}

function brokenDown(rule: PolicyRule): PolicyRule[] {
  const pieces: PolicyRule[] = [];
  const names = rule.resourceNames ?? [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const piece: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (names.length === 0) pieces.push(piece);
        else for (const name of names) pieces.push({ ...piece, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) for (const verb of rule.verbs) pieces.push({ nonResourceURLs: [url], verbs: [verb] });
  return pieces;
}

function covers(owner: PolicyRule, piece: PolicyRule): boolean {
  const all = (have: readonly string[] | undefined, want: readonly string[] | undefined): boolean =>
    (want ?? []).every((value) => have?.includes(value) === true);
  const star = (have: readonly string[] | undefined): boolean => have?.includes('*') === true;
  const named = (owner.resourceNames ?? []).length > 0;
  return (star(owner.verbs) || all(owner.verbs, piece.verbs))
    && (star(owner.apiGroups) || all(owner.apiGroups, piece.apiGroups))
    && (star(owner.resources) || (piece.resources ?? []).every((resource) => resourceCovered(owner.resources ?? [], resource)))
    && (piece.nonResourceURLs ?? []).every((url) => (owner.nonResourceURLs ?? []).some((pattern) => urlCovers(pattern, url)))
    && (!named || ((piece.resourceNames ?? []).length > 0 && all(owner.resourceNames, piece.resourceNames)));
}

function resourceCovered(owned: readonly string[], resource: string): boolean {
  if (owned.includes(resource)) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && owned.includes(`*/${resource.slice(slash + 1)}`);
}

/** Pieces that differ by verb only, put together again for people to read; one line each, sorted. */
export function describeRules(pieces: readonly PolicyRule[]): string {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const piece of pieces) {
    if (piece.nonResourceURLs !== undefined) { others.push(piece); continue; }
    const key = JSON.stringify([piece.apiGroups, piece.resources, piece.resourceNames]);
    const known = simple.get(key);
    simple.set(key, known === undefined ? piece : { ...known, verbs: [...known.verbs, ...piece.verbs] });
  }
  return [...new Set([...others, ...simple.values()].map(compactText))].sort().join('\n');
}

function compactText(rule: PolicyRule): string {
  const part = (name: string, values: readonly string[] | undefined): string[] =>
    (values === undefined || values.length === 0 ? [] : [`${name}:[${values.map(quote).join(' ')}]`]);
  return `{${[
    ...part('APIGroups', rule.apiGroups), ...part('Resources', rule.resources), ...part('NonResourceURLs', rule.nonResourceURLs),
    ...part('ResourceNames', rule.resourceNames), ...part('Verbs', rule.verbs),
  ].join(', ')}}`;
}
