/**
 * The annotations by which a deployment keeps its history on its replica sets: revision, earlier revisions, the size it
 * wanted. Pure: each function gives the annotations as they should be.
 */
import type { Deployment, ReplicaSet } from '#api/generated/apps/v1';
import { maxSurge } from './sizes.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
export const ROLLBACK_TO = 'deprecated.deployment.rollback.to';
const NOT_COPIED = new Set(['kubectl.kubernetes.io/last-applied-configuration', REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO]);
const HISTORY_LENGTH_MAX = 2000;

type Annotations = Record<string, string>;

/** 64 bits, as adopted replica sets may have them. 0 when there is none, or it is not a number. */
export function revisionOf(object: { metadata: { annotations?: Annotations } }): bigint {
  return parseRevision(object.metadata.annotations?.[REVISION]) ?? 0n;
}

export function parseRevision(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
  const revision = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, revision) === revision ? revision : undefined;
}

/** The annotations of the new replica set: the deployment's own, and a revision above all old ones. */
export function newReplicaSetAnnotations(deployment: Deployment, current: Annotations | undefined, newRevision: bigint, exists: boolean): Annotations {
  const wanted: Annotations = { ...current };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!NOT_COPIED.has(key)) wanted[key] = value;
  const oldText = current?.[REVISION];
  const old = parseRevision(oldText || '0');
  if (old === undefined) return wanted;
  if (old < newRevision) wanted[REVISION] = String(newRevision);
  if (oldText !== undefined && old < newRevision) {
    const history = appendHistory(wanted[REVISION_HISTORY] ?? '', oldText);
    if (history !== undefined) wanted[REVISION_HISTORY] = history;
  }
  return exists ? wanted : { ...wanted, ...sizeAnnotations(deployment) };
}

/** The oldest entries go when it gets too long. */
function appendHistory(history: string, revision: string): string | undefined {
  if (history === '') return revision;
  const entries = [...history.split(','), revision];
  while (entries.length > 1 && entries.join(',').length > HISTORY_LENGTH_MAX) entries.shift();
  const text = entries.join(',');
  return text.length <= HISTORY_LENGTH_MAX ? text : undefined;
}

/** How large the deployment was meant to be when the replica set was last scaled. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  const replicas = deployment.spec!.replicas!;
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurge(deployment)) };
}

export function numberAnnotation(object: ReplicaSet, key: string): number | undefined {
  const text = object.metadata.annotations?.[key];
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
}

/** For a rollback: the deployment's annotations become those the old replica set had copied. */
export function rolledBackAnnotations(deployment: Deployment, to: ReplicaSet): Annotations {
  const kept = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => NOT_COPIED.has(key));
  const restored = Object.entries(to.metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key));
  return Object.fromEntries([...kept, ...restored]);
}

export function sameAnnotations(a: Annotations | undefined, b: Annotations | undefined): boolean {
  const [left, right] = [Object.entries(a ?? {}), b ?? {}];
  return left.length === Object.keys(right).length && left.every(([key, value]) => right[key] === value);
}
