/** Taints and tolerations: which taints a pod does not bear. */
import type { Taint, Toleration } from '#api/generated/core/v1';

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false;
  const value = taint.value ?? '';
  switch (toleration.operator ?? '') {
    case '':
    case 'Equal': return (toleration.value ?? '') === value;
    case 'Exists': return true;
    default: return false;
  }
}

/** @returns the first taint of the given effects that none of the tolerations bears. */
export function untoleratedTaint(taints: readonly Taint[] | undefined, tolerations: readonly Toleration[] | undefined, effects: readonly string[]): Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((toleration) => tolerates(toleration, taint)));
}
