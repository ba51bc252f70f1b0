/** Why a pod fits no node, in upstream's words: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` */
import type { Verdict } from './framework/status.ts';

export interface Diagnosis {
  readonly nodeCount: number;
  /** A preFilter plugin's refusal of every node. */
  readonly preFilter: Verdict | undefined;
  /** Node → why not. */
  readonly rejected: ReadonlyMap<string, Verdict>;
  /** Nodes that preFilter plugins left out, and their words. */
  readonly leftOut: { readonly count: number; readonly reason: string };
  readonly postFilterMessage: string;
}

const NO_NODES = 'no nodes available to schedule pods';

export function fitErrorText(diagnosis: Diagnosis): string {
  if (diagnosis.nodeCount === 0) return NO_NODES;
  let text = `0/${diagnosis.nodeCount} nodes are available:`;
  if (diagnosis.preFilter !== undefined) {
    text += ` ${diagnosis.preFilter.reasons.join(', ')}.`;
  } else {
    const histogram = reasonHistogram([...diagnosis.rejected.values()].flatMap((verdict) => verdict.reasons), diagnosis.leftOut);
    if (histogram !== '') text += ` ${histogram}.`;
  }
  return diagnosis.postFilterMessage === '' ? text : `${text} ${diagnosis.postFilterMessage}`;
}

export function reasonHistogram(reasons: readonly string[], leftOut: { count: number; reason: string }): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  if (leftOut.count > 0) counts.set(leftOut.reason, (counts.get(leftOut.reason) ?? 0) + leftOut.count);
  return [...counts].map(([reason, count]) => `${count} ${reason}`).sort().join(', ');
}

/** The plugins whose refusal an event must change. */
export function rejectingPlugins(diagnosis: Diagnosis, narrowedBy: readonly string[]): Set<string> {
  const plugins = new Set(narrowedBy);
  if (diagnosis.preFilter?.plugin !== undefined) plugins.add(diagnosis.preFilter.plugin);
  for (const verdict of diagnosis.rejected.values()) if (verdict.plugin !== undefined) plugins.add(verdict.plugin);
  return plugins;
}
