/**
 * The types of the expression language and how they print in error texts.
 *
 * Values, not classes: two types are the same when their kind, name and parameters are.
 */

export type Kind =
  | 'dyn' | 'error' | 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'timestamp' | 'duration' | 'any'
  | 'list' | 'map' | 'type' | 'parameter' | 'opaque' | 'struct';

export interface Type { readonly kind: Kind; readonly name: string; readonly parameters: readonly Type[] }

const simple = (kind: Kind, name: string = kind): Type => ({ kind, name, parameters: [] });

export const DYN = simple('dyn');
export const ERROR = simple('error', '!error!');
export const NULL = simple('null', 'null_type');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const TIMESTAMP = simple('timestamp', 'google.protobuf.Timestamp');
export const DURATION = simple('duration', 'google.protobuf.Duration');

export const listOf = (item: Type): Type => ({ kind: 'list', name: 'list', parameters: [item] });
export const mapOf = (key: Type, value: Type): Type => ({ kind: 'map', name: 'map', parameters: [key, value] });
export const typeOf = (type: Type): Type => ({ kind: 'type', name: 'type', parameters: [type] });
export const parameter = (name: string): Type => ({ kind: 'parameter', name, parameters: [] });
export const opaque = (name: string, ...parameters: readonly Type[]): Type => ({ kind: 'opaque', name, parameters });
export const struct = (name: string): Type => ({ kind: 'struct', name, parameters: [] });
export const optionalOf = (type: Type): Type => opaque('optional_type', type);

export const QUANTITY = struct('kubernetes.Quantity');
export const URL_TYPE = struct('kubernetes.URL');
export const SEMVER = struct('kubernetes.Semver');
export const FORMAT = struct('kubernetes.NamedFormat');
export const IP = opaque('net.IP');
export const CIDR = opaque('net.CIDR');

export function sameType(a: Type, b: Type): boolean {
  return a === b || (a.kind === b.kind && a.name === b.name && a.parameters.length === b.parameters.length
    && a.parameters.every((parameterType, index) => sameType(parameterType, b.parameters[index]!)));
}

/** The type inside an optional; undefined where it is none. */
export function unwrapOptional(type: Type): Type | undefined {
  return type.kind === 'opaque' && type.name === 'optional_type' ? type.parameters[0] : undefined;
}

export function formatType(type: Type): string {
  switch (type.kind) {
    case 'null': case 'timestamp': case 'duration': case 'any': return type.kind;
    case 'error': return '!error!';
    case 'parameter': return type.name;
    default: return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(formatType).join(', ')})`;
  }
}
