/** The value side of quota scopes: `In`, `NotIn`, `Exists`, `DoesNotExist` over a name that may be absent. */
import type { ScopedResourceSelectorRequirement } from '#api/generated/core/v1';

export function scopeSelects({ operator, values = [] }: ScopedResourceSelectorRequirement, name: string | undefined): boolean {
  const known = name !== undefined && name !== '';
  switch (operator) {
    case 'In': return known && values.includes(name);
    case 'NotIn': return !known || !values.includes(name);
    case 'Exists': return known;
    case 'DoesNotExist': return !known;
    default: return false;
  }
}

/** Scopes and scope selector of a quota as one list. */
export function scopesOf(spec: { scopes?: string[]; scopeSelector?: { matchExpressions?: ScopedResourceSelectorRequirement[] } } | undefined): ScopedResourceSelectorRequirement[] {
  return [...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })), ...(spec?.scopeSelector?.matchExpressions ?? [])];
}
