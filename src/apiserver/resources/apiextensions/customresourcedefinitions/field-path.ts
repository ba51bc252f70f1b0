/** Finds the field that a path such as `.spec.size` or `.data['a.b']` means in a structural schema. */
import type { JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { isSchema } from './schema-walk.ts';

export interface FoundField {
  /** The first step. */
  readonly root: string;
  /** Equal for equal fields, however they are written. */
  readonly text: string;
  readonly schema: JSONSchemaProps;
}

const UNKNOWN = 'does not refer to a valid field';

/** @returns the field, or why there is none. */
export function findField(path: string, schema: JSONSchemaProps, mayIndex: boolean): FoundField | string {
  const tokens = path.match(/'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]]+/g) ?? [];
  let current = schema;
  let text = '';
  let root = '';
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token !== '[' && token !== '.') return `expected [ or . but got: ${token}`;
    if (token === '[' && !mayIndex) return 'array notation is not allowed';
    at += 1;
    let name = tokens[at];
    if (name === undefined) return 'unexpected end of JSON path';
    if (token === '[') {
      if (name.length < 2 || !name.startsWith("'") || !name.endsWith("'")) return `expected single quoted string but got ${name}`;
      name = name.slice(1, -1).replace(/\\(.)/g, '$1');
    }
    const properties = current.properties;
    const isNamed = properties !== undefined && Object.keys(properties).length > 0;
    const next = isNamed ? (Object.hasOwn(properties, name) ? properties[name] : undefined) : current.additionalProperties;
    if (!isSchema(next)) return UNKNOWN;
    current = next;
    text += isNamed ? `.${name}` : `[${name}]`;
    if (root === '') root = name;
    if (token === '[') {
      at += 1;
      if (tokens[at] === undefined) return 'unexpected end of JSON path';
      if (tokens[at] !== ']') return `expected ] but got ${tokens[at]}`;
    }
  }
  return { root, text, schema: current };
}
