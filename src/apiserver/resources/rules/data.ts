/** What config maps and secrets share: a limit on size, and data that can be made immutable. */
import { semanticEqual } from '#machinery/deep-equal';
import type { Faults } from './faults.ts';

/** Of all values together. */
export const DATA_BYTES_MAX = 1024 * 1024;

export function base64Bytes(text: string): number {
  return Math.floor(text.replace(/=+$/, '').length * 3 / 4);
}

/** Bytes that were given as null are empty. */
export function emptyNulls(data: Record<string, string> | undefined): void {
  for (const [key, value] of Object.entries(data ?? {}) as [string, string | null][]) if (value === null) data![key] = '';
}

export function checkImmutableData<T extends { readonly immutable?: boolean }>(object: T, old: T, fields: readonly (keyof T & string)[], faults: Faults): void {
  if (old.immutable !== true) return;
  const text = 'field is immutable when `immutable` is set';
  if (object.immutable !== true) faults.forbidden('immutable', text);
  for (const field of fields) if (!semanticEqual(object[field] ?? {}, old[field] ?? {})) faults.forbidden(field, text);
}
