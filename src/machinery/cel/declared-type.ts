/**
 * Types as a schema declares them: the expression's type, how large values may get, and how stored data is read as values.
 *
 * Sizes are what cost estimates rest on: without a limit in the schema, as much as fits one request.
 */
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, listOf, mapOf, STRING, struct, TIMESTAMP, type Type } from './type.ts';

export interface DeclaredField { readonly name: string; readonly declared: DeclaredType }

export interface DeclaredType {
  readonly type: Type;
  readonly element?: DeclaredType;
  readonly key?: DeclaredType;
  /** By the name that expressions use; `name` inside is the one that is stored. */
  readonly fields?: ReadonlyMap<string, DeclaredField>;
  readonly elementsMax: number;
  /** The size of an element is known also where it is selected by name, not only by index. */
  readonly sizedBySelection?: boolean;
  /** Bytes of the smallest value as JSON. */
  readonly smallestBytes: number;
  readonly nullable: boolean;
  readonly format?: string;
  readonly listType?: 'set' | 'map' | 'atomic';
  readonly listKeys?: readonly string[];
  readonly intOrString?: boolean;
}

/** What is read of a structural schema. */
export interface SchemaNode {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** Bytes of the largest request. */
export const REQUEST_BYTES_MAX = 3 * 1024 * 1024;
const TEXT_MAX = REQUEST_BYTES_MAX - 2;
const DURATION_CHARACTERS = 32;
const DATE_CHARACTERS = 12;
const DATETIME_CHARACTERS = 32;

/**
 * @param root the schema of a whole resource: its kind, apiVersion and metadata are always known.
 * @returns undefined for what expressions cannot see.
 */
export function declaredType(schema: SchemaNode, name: string, root = schema['x-kubernetes-embedded-resource'] === true): DeclaredType | undefined {
  const nullable = schema.nullable === true;
  if (schema['x-kubernetes-int-or-string']) {
    return { type: DYN, elementsMax: schema.maxLength === undefined ? TEXT_MAX : runes(schema.maxLength), smallestBytes: 1, nullable, intOrString: true };
  }
  switch (root && schema.type === undefined ? 'object' : schema.type) {
    case 'array': return declaredList(schema, name, nullable);
    case 'object': return declaredObject(root ? withMeta(schema) : schema, name, nullable);
    case 'string': return declaredString(schema, nullable);
    case 'boolean': return { type: BOOL, elementsMax: 0, smallestBytes: 4, nullable };
    case 'number': return { type: DOUBLE, elementsMax: 0, smallestBytes: 1, nullable };
    case 'integer': return { type: INT, elementsMax: 0, smallestBytes: 1, nullable };
    default: return undefined;
  }
}

const TEXT: SchemaNode = { type: 'string' };

function withMeta(schema: SchemaNode): SchemaNode {
  return { ...schema, properties: { ...schema.properties, kind: TEXT, apiVersion: TEXT,
    metadata: { type: 'object', properties: { name: TEXT, generateName: TEXT } } } };
}

function declaredList(schema: SchemaNode, name: string, nullable: boolean): DeclaredType | undefined {
  const element = schema.items && declaredType(schema.items, `${name}.@idx`);
  if (element === undefined) return undefined;
  const listType = schema['x-kubernetes-list-type'] as 'set' | 'map' | 'atomic' | undefined;
  const elementsMax = schema.maxItems === undefined ? Math.floor((REQUEST_BYTES_MAX - 2) / (element.smallestBytes + 1)) : Math.max(0, schema.maxItems);
  return { type: listOf(element.type), element, elementsMax, smallestBytes: 2, nullable,
    ...(listType === undefined ? {} : { listType }), listKeys: schema['x-kubernetes-list-map-keys'] ?? [] };
}

const MAP_KEY: DeclaredType = { type: STRING, elementsMax: 0, smallestBytes: 2, nullable: false };

function declaredObject(schema: SchemaNode, name: string, nullable: boolean): DeclaredType | undefined {
  if (typeof schema.additionalProperties === 'object') {
    const element = declaredType(schema.additionalProperties, `${name}.@elem`);
    if (element === undefined) return undefined;
    const elementsMax = schema.maxProperties === undefined ? Math.floor((REQUEST_BYTES_MAX - 2) / (element.smallestBytes + 6)) : Math.max(0, schema.maxProperties);
    return { type: mapOf(STRING, element.type), key: MAP_KEY, element, elementsMax, smallestBytes: 2, nullable };
  }
  const fields = new Map<string, DeclaredField>();
  const required = new Set(schema.required);
  let smallestBytes = 2;
  for (const [property, inner] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(property);
    const declared = declaredType(inner, `${name}.${escaped ?? property}`);
    if (declared === undefined) continue;
    if (escaped !== undefined) fields.set(escaped, { name: property, declared });
    if (required.has(property) && (inner.default === undefined || inner.default === null)) smallestBytes += Buffer.byteLength(property) + declared.smallestBytes + 4;
  }
  return { type: struct(name), fields, elementsMax: 0, smallestBytes, nullable };
}

function declaredString(schema: SchemaNode, nullable: boolean): DeclaredType {
  const { format } = schema;
  const shape = { nullable, ...(format === undefined ? {} : { format }) };
  switch (format) {
    case 'byte': return { type: BYTES, elementsMax: Math.max(0, schema.maxLength ?? TEXT_MAX), smallestBytes: 2, ...shape };
    case 'duration': return { type: DURATION, elementsMax: DURATION_CHARACTERS, smallestBytes: 3, ...shape };
    case 'date': return { type: TIMESTAMP, elementsMax: DATE_CHARACTERS, smallestBytes: DATE_CHARACTERS, ...shape };
    case 'date-time': return { type: TIMESTAMP, elementsMax: DATETIME_CHARACTERS, smallestBytes: 21, ...shape };
    default: return { type: STRING, elementsMax: textMax(schema), smallestBytes: 2, ...shape };
  }
}

function textMax(schema: SchemaNode): number {
  if (schema.maxLength !== undefined) return runes(schema.maxLength);
  if (!schema.enum?.length) return TEXT_MAX;
  return Math.max(0, ...schema.enum.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
}

/** A rune is at most four bytes. */
function runes(length: number): number {
  return Math.max(0, length) * 4;
}

/** Notes the fields of every object type inside. */
export function structsOf(declared: DeclaredType, into: Map<string, ReadonlyMap<string, Type>>): void {
  if (declared.element) structsOf(declared.element, into);
  if (!declared.fields || declared.type.kind !== 'struct' || into.has(declared.type.name)) return;
  into.set(declared.type.name, new Map([...declared.fields].flatMap(([name, field]) => namesOf(name).map((known) => [known, field.declared.type] as const))));
  for (const field of declared.fields.values()) structsOf(field.declared, into);
}

/** A property that is a reserved word is known by the word, too. */
function namesOf(name: string): string[] {
  const word = name.slice(2, -2);
  return RESERVED.has(word) && name === `__${word}__` ? [name, word] : [name];
}

const RESERVED = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package',
  'namespace', 'return', 'var', 'void', 'while']);
const ESCAPES: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** The identifier by which expressions name a property; undefined when there is none. */
export function escapeName(property: string): string | undefined {
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(property)) return undefined;
  return RESERVED.has(property) ? `__${property}__` : property.replace(/__|[-./]/g, (found) => ESCAPES[found]!);
}
