/** The conditions of a namespace that is being deleted: what is left, and what stands in the way. Pure. */
import { rfc3339 } from '#base/clock';
import type { NamespaceCondition } from '#api/generated/core/v1';
import { findCondition } from '#semantics/condition';

/** What one pass over the content found. */
export interface ContentReport {
  readonly discoveryError?: string;
  readonly deletionErrors: readonly string[];
  /** `pods.` → how many are left. */
  readonly remaining: ReadonlyMap<string, number>;
  readonly finalizers: ReadonlyMap<string, number>;
}

const FINE: readonly (readonly [type: string, reason: string, message: string])[] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  ['NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
];

/** @param withTotals false: pods are still going, the rest was not counted. */
export function namespaceConditions(current: readonly NamespaceCondition[] | undefined, report: ContentReport, nowMs: number, withTotals: boolean): NamespaceCondition[] {
  const faults = faultsOf(report, withTotals);
  const result = [...(current ?? [])];
  for (const [type, reason, message] of FINE) {
    const wanted = faults.get(type) ?? { type, status: 'False', reason, message };
    const known = findCondition(result, type);
    if (known === undefined) { result.push({ ...wanted, lastTransitionTime: rfc3339(nowMs) }); continue; }
    const same = known.status === wanted.status;
    result[result.indexOf(known)] = { ...wanted, ...(same ? known.lastTransitionTime !== undefined && { lastTransitionTime: known.lastTransitionTime } : { lastTransitionTime: rfc3339(nowMs) }) };
  }
  return result;
}

function faultsOf(report: ContentReport, withTotals: boolean): Map<string, NamespaceCondition> {
  const faults = new Map<string, NamespaceCondition>();
  const add = (type: string, reason: string, message: string): void => { faults.set(type, { type, status: 'True', reason, message }); };
  if (report.discoveryError !== undefined) add('NamespaceDeletionDiscoveryFailure', 'DiscoveryFailed', report.discoveryError);
  if (report.deletionErrors.length > 0) {
    add('NamespaceDeletionContentFailure', 'ContentDeletionFailed',
      `Failed to delete all resource types, ${report.deletionErrors.length} remaining: ${[...report.deletionErrors].sort().join(', ')}`);
  }
  if (!withTotals) return faults;
  const listed = (counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string => [...counts].map(([name, count]) => text(name, count)).sort().join(', ');
  if (report.remaining.size > 0) {
    add('NamespaceContentRemaining', 'SomeResourcesRemain', `Some resources are remaining: ${listed(report.remaining, (name, count) => `${name} has ${count} resource instances`)}`);
  }
  if (report.finalizers.size > 0) {
    add('NamespaceFinalizersRemaining', 'SomeFinalizersRemain',
      `Some content in the namespace has finalizers remaining: ${listed(report.finalizers, (name, count) => `${name} in ${count} resource instances`)}`);
  }
  return faults;
}
