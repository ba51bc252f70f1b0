/**
 * How libraries declare their functions: one line of signature, the code beside it.
 *
 *     overload('size_string', '(string).size(): int', ([text]) => …)     called on a string
 *     overload('string_to_ip', 'ip(string): net.IP', ([text]) => …)      called freely
 *
 * A single capital letter is a type parameter.
 */
import * as types from './type.ts';
import type { Failure } from './value.ts';
import { isList, isMap, Opaque, Optional, Uint, type Value } from './value.ts';
import { Duration, Timestamp, TypeValue } from './value.ts';

export type Run = (args: readonly Value[]) => Value | Failure;

export interface Overload {
  readonly id: string;
  readonly name: string;
  readonly member: boolean;
  /** With the one it is called on, first. */
  readonly args: readonly types.Type[];
  readonly result: types.Type;
  readonly parameters: readonly string[];
  /** undefined where the interpreter itself knows what to do. */
  readonly run: Run | undefined;
}

export type Library = readonly Overload[];

export function overload(id: string, signature: string, run?: (args: never) => Value | Failure): Overload {
  const match = /^(?:\((.+)\)\.)?([^()]+)\((.*)\): (.+)$/.exec(signature);
  if (match === null) throw new Error(`no signature: ${signature}`);
  const [, target, name, args, result] = match as unknown as [string, string | undefined, string, string, string];
  const argTypes = [...(target === undefined ? [] : [target]), ...splitList(args)].map(parseType);
  const parameters = [...new Set([...signature.matchAll(/\b[A-Z]\b/g)].map((found) => found[0]))];
  return { id, name, member: target !== undefined, args: argTypes, result: parseType(result), parameters, run: run as Run | undefined };
}

const NAMED = new Map<string, types.Type>([
  ['dyn', types.DYN], ['null', types.NULL], ['bool', types.BOOL], ['int', types.INT], ['uint', types.UINT], ['double', types.DOUBLE],
  ['string', types.STRING], ['bytes', types.BYTES], ['timestamp', types.TIMESTAMP], ['duration', types.DURATION],
  ...[types.QUANTITY, types.URL_TYPE, types.SEMVER, types.FORMAT, types.IP, types.CIDR].map((type) => [type.name, type] as const),
]);

function parseType(text: string): types.Type {
  const named = NAMED.get(text);
  if (named !== undefined) return named;
  if (/^[A-Z]$/.test(text)) return types.parameter(text);
  const match = /^(\w+)\((.+)\)$/.exec(text);
  const inner = match === null ? [] : splitList(match[2]!).map(parseType);
  switch (match?.[1]) {
    case 'list': return types.listOf(inner[0]!);
    case 'map': return types.mapOf(inner[0]!, inner[1]!);
    case 'optional': return types.optionalOf(inner[0]!);
    case 'type': return types.typeOf(inner[0]!);
    default: return types.struct(text);
  }
}

function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    else if ((text[at] === ',' && depth === 0) || at === text.length) {
      const part = text.slice(from, at).trim();
      if (part !== '') parts.push(part);
      from = at + 1;
    }
  }
  return parts;
}

/** Whether a value is of the type, as far as that can be told without looking inside. */
export function isOfType(value: Value, type: types.Type): boolean {
  switch (type.kind) {
    case 'dyn': case 'parameter': case 'any': case 'error': return true;
    case 'bool': return typeof value === 'boolean';
    case 'int': return typeof value === 'bigint';
    case 'double': return typeof value === 'number';
    case 'string': return typeof value === 'string';
    case 'null': return value === null;
    case 'uint': return value instanceof Uint;
    case 'bytes': return value instanceof Uint8Array;
    case 'timestamp': return value instanceof Timestamp;
    case 'duration': return value instanceof Duration;
    case 'list': return isList(value);
    case 'map': return isMap(value);
    case 'type': return value instanceof TypeValue;
    case 'struct': return isMap(value) || (value instanceof Opaque && value.type.name === type.name);
    case 'opaque': return type.name === 'optional_type' ? value instanceof Optional : value instanceof Opaque && value.type.name === type.name;
  }
}
