/**
 * Chooses the one form of a type that a value is walked by.
 *
 * A value that fits none of several forms (null above all) leaves them `any`, which is walked as a map, else a scalar, else a list.
 */
import type { MergeType } from './merge-type.ts';

export type Form = 'map' | 'scalar' | 'list';

export function formOf(type: MergeType, value: unknown): Form | 'any' {
  const map = type.map !== undefined;
  const scalar = type.scalar !== undefined;
  const list = type.list !== undefined;
  if (map ? !scalar && !list : scalar !== list) return map ? 'map' : scalar ? 'scalar' : 'list';
  switch (typeof value) {
    case 'object':
      if (value === null) return 'any';
      return Array.isArray(value) ? (list ? 'list' : 'any') : map ? 'map' : 'any';
    case 'string': case 'number': case 'bigint': case 'boolean': return scalar ? 'scalar' : 'any';
    default: return 'any';
  }
}

export function walkedAs(type: MergeType, form: Form | 'any'): Form {
  if (form !== 'any') return form;
  return type.map !== undefined ? 'map' : type.scalar !== undefined ? 'scalar' : 'list';
}

export function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined;
}

export function asList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function isEmptyMap(map: Readonly<Record<string, unknown>> | undefined): boolean {
  if (map !== undefined) for (const _key in map) return false;
  return true;
}
