/** Conditions of a status: found, set and removed by type. */
import { rfc3339 } from '#base/clock';

export interface AnyCondition { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string | null }

export function findCondition<C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly { type: string; status: string }[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

export function withoutCondition<C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/**
 * The conditions with one set: at its place when known, else at the end. The transition time is kept while the status is.
 */
export function withCondition<C extends AnyCondition>(conditions: readonly C[] | undefined, wanted: Omit<C, 'lastTransitionTime'>, nowMs: number): C[] {
  const known = findCondition(conditions, wanted.type);
  const lastTransitionTime = known !== undefined && known.status === wanted.status && !!known.lastTransitionTime ? known.lastTransitionTime : rfc3339(nowMs);
  const set = { ...wanted, lastTransitionTime } as C;
  if (known === undefined) return [...(conditions ?? []), set];
  return conditions!.map((condition) => (condition.type === wanted.type ? set : condition));
}
