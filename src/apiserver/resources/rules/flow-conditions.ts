/** Conditions of flow schemas and priority levels: typed, each type once. */
import type { Faults } from './faults.ts';

export function checkFlowConditions(conditions: readonly { readonly type?: string }[] | undefined, faults: Faults): void {
  const types = new Set<string>();
  for (const [index, { type = '' }] of (conditions ?? []).entries()) {
    const at = `status.conditions[${index}].type`;
    if (types.has(type)) faults.duplicate(at, type);
    types.add(type);
    if (type === '') faults.required(at);
  }
}
