/**
 * Kinds of an OpenAPI v3 document as the types that expressions are checked with.
 *
 * What the document leaves open (numbers or texts, objects without fields, a type inside itself) is of any type: a check warns of
 * nothing that may be right.
 */
import { declaredType, type DeclaredType, type SchemaNode } from '#machinery/cel/declared-type';
import type { GroupVersionKind } from '#machinery/gvk';

interface OpenApiSchema {
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiSchema[];
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly items?: OpenApiSchema;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: boolean | OpenApiSchema;
  readonly required?: readonly string[];
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

export interface OpenApiDocument { readonly components?: { readonly schemas?: Readonly<Record<string, OpenApiSchema>> } }

const REFERENCE = '#/components/schemas/';
/** Types inside types. */
const DEPTH_MAX = 40;
const ANY: SchemaNode = { 'x-kubernetes-int-or-string': true };

/** @returns undefined when the document does not have the kind. */
export function typeOfKind(document: OpenApiDocument, { group, version, kind }: GroupVersionKind): DeclaredType | undefined {
  const schemas = document.components?.schemas ?? {};
  const name = Object.keys(schemas).find((one) => schemas[one]!['x-kubernetes-group-version-kind']?.some((gvk) => gvk.group === group && gvk.version === version && gvk.kind === kind));
  return name === undefined ? undefined : declaredType(nodeOf({ $ref: REFERENCE + name }, schemas, []), kind);
}

function nodeOf(schema: OpenApiSchema, schemas: Readonly<Record<string, OpenApiSchema>>, within: readonly string[]): SchemaNode {
  const { $ref, allOf } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice(REFERENCE.length);
    const found = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
    return found === undefined || within.includes(name) || within.length >= DEPTH_MAX ? ANY : nodeOf(found, schemas, [...within, name]);
  }
  if (schema.type === undefined) return allOf?.length === 1 ? nodeOf(allOf[0]!, schemas, within) : ANY;
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string') return ANY;
  const inner = (one: OpenApiSchema): SchemaNode => nodeOf(one, schemas, within);
  const { type, format, nullable, items, properties, additionalProperties, required, maxLength, maxItems, maxProperties } = schema;
  if (type === 'object' && properties === undefined && typeof additionalProperties !== 'object') return ANY;
  return {
    type, ...(format && { format }), ...(nullable && { nullable }), ...(required && { required }),
    ...(items && { items: inner(items) }), ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, inner(one)])) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: inner(additionalProperties) }),
    ...(maxLength !== undefined && { maxLength }), ...(maxItems !== undefined && { maxItems }), ...(maxProperties !== undefined && { maxProperties }),
    ...(schema['x-kubernetes-list-type'] && { 'x-kubernetes-list-type': schema['x-kubernetes-list-type'] }),
    ...(schema['x-kubernetes-list-map-keys'] && { 'x-kubernetes-list-map-keys': schema['x-kubernetes-list-map-keys'] }),
  };
}
