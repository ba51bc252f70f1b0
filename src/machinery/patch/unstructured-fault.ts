/**
 * Why a strategically patched object is no object of its type, in the words upstream has for that path: it is not decoded from JSON
 * there, but converted from a map, and the texts differ. Values with a text form of their own (times, quantities) are left to the
 * decoder, whose texts are the same.
 */
import { FloatLiteral } from '../codec/json-any.ts';
import type { SchemaResolver, TypeRef } from '../schema/model.ts';
import { goKind, isObject } from './json-value.ts';
import type { JsonValue } from './json-value.ts';

/** @returns the first fault, in the order of the fields; undefined when there is none. */
export function unstructuredFault(value: JsonValue, typeName: string, resolve: SchemaResolver): string | undefined {
  return faultOf(value, { kind: 'ref', name: typeName }, resolve);
}

function faultOf(value: JsonValue, type: TypeRef, resolve: SchemaResolver): string | undefined {
  if (value === null) return undefined;
  switch (type.kind) {
    case 'ref': return isObject(value) ? structFault(value, type.name, resolve) : `cannot restore struct from: ${goKind(value)}`;
    case 'list': return Array.isArray(value) ? firstFault(value, type.item, resolve) : `cannot restore slice from ${goKind(value)}`;
    case 'map': return isObject(value) ? firstFault(Object.values(value), type.value, resolve) : `cannot restore map from ${goKind(value)}`;
    case 'scalar': return scalarFault(value, type.scalar);
  }
}

function structFault(value: Readonly<Record<string, JsonValue>>, typeName: string, resolve: SchemaResolver): string | undefined {
  for (const field of resolve(typeName)?.fields.values() ?? []) {
    const inner = value[field.name];
    const fault = inner === undefined ? undefined : faultOf(inner, field.type, resolve);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function firstFault(values: readonly JsonValue[], type: TypeRef, resolve: SchemaResolver): string | undefined {
  for (const value of values) {
    const fault = faultOf(value, type, resolve);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function scalarFault(value: JsonValue, scalar: string): string | undefined {
  const kind = goKind(value);
  switch (scalar) {
    case 'string': return kind === 'string' ? undefined : kind === 'int64' ? 'cannot convert int64 to string' : 'unrecognized type: string';
    case 'bool': return kind === 'bool' ? undefined : 'unrecognized type: bool';
    case 'int32': case 'int64':
      if (kind === 'int64' || (value instanceof FloatLiteral && Number.isInteger(value.value))) return undefined;
      return kind === 'float64' ? `cannot convert float64 to ${scalar}` : `unrecognized type: ${scalar}`;
    case 'double': return kind === 'int64' || kind === 'float64' ? undefined : 'unrecognized type: float64';
    case 'bytes': return kind === 'string' ? undefined : `cannot restore slice from ${kind}`;
    default: return undefined;
  }
}
