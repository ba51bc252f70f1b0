/**
 * Types of the schema → definitions of OpenAPI v2 or v3.
 *
 * v3 shows defaults and wraps references that say more than their target; v2 can do neither.
 */
import type { FieldSchema, TypeRef, TypeSchema } from '#machinery/schema/model';
import { definitionName, scalarDefinitionName } from './definition-names.ts';
import type { Descriptions } from './descriptions.ts';

export type OpenApiVersion = 2 | 3;
export type JsonObject = { [key: string]: unknown };

export interface GroupVersionKind { readonly group: string; readonly version: string; readonly kind: string }

const STRUCT_ZERO = {};
const JSON_SCHEMA = 'apiextensions/v1.JSONSchemaProps';
const SCALARS: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' }, bytes: { type: 'string', format: 'byte' }, bool: { type: 'boolean' }, int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' }, double: { type: 'number', format: 'double' },
};
const ZERO_DEFAULTS: Readonly<Record<string, unknown>> = { string: '', bool: false, int32: 0, int64: 0, double: 0 };

/** Definitions that are no types of the schema. */
const SPECIAL_V3: Readonly<Record<string, JsonObject>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': { type: 'object' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': { type: 'object' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object' },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
};
const SPECIAL_V2: Readonly<Record<string, JsonObject>> = {
  ...SPECIAL_V3,
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: 'string' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: 'string', format: 'int-or-string' },
};

export function referencePrefix(version: OpenApiVersion): string {
  return version === 2 ? '#/definitions/' : '#/components/schemas/';
}

/** A definition that is written by hand. */
export function specialDefinition(name: string, version: OpenApiVersion): JsonObject | undefined {
  return (version === 2 ? SPECIAL_V2 : SPECIAL_V3)[name];
}

export class DefinitionWriter {
  readonly #version: OpenApiVersion;
  readonly #descriptions: Descriptions;

  constructor(version: OpenApiVersion, descriptions: Descriptions) {
    this.#version = version;
    this.#descriptions = descriptions;
  }

  /** @param kinds for `x-kubernetes-group-version-kind`; none for types that are no kinds. */
  write(type: TypeSchema, kinds: readonly GroupVersionKind[]): JsonObject {
    const [text, fieldTexts] = this.#descriptions.types[type.name] ?? ['', {}];
    const properties: JsonObject = {};
    const required: string[] = [];
    if (type.isKind && !type.fields.has('apiVersion')) {
      for (const name of ['apiVersion', 'kind']) properties[name] = { ...describe(fieldTexts[name]), type: 'string' };
    }
    for (const field of type.fields.values()) {
      properties[field.name] = this.#property(field, fieldTexts[field.name], type.name === JSON_SCHEMA && field.name !== 'default');
      if (field.required) required.push(field.name);
    }
    const isEmpty = Object.keys(properties).length === 0;
    return {
      ...describe(text), type: 'object', ...(isEmpty ? {} : { properties }), ...(required.length > 0 ? { required } : {}),
      ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds.map(({ group, kind, version }) => ({ group, kind, version })) } : {}),
      ...(type.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      ...(type.unions.length > 0 ? { 'x-kubernetes-unions': type.unions.map((union) => ({
        ...(union.discriminator === undefined ? {} : { discriminator: union.discriminator }),
        'fields-to-discriminateBy': Object.fromEntries(union.fields),
      })) } : {}),
    };
  }

  /** @param isBare a reference stands alone, as upstream has no words for it. */
  #property(field: FieldSchema, text: string | undefined, isBare: boolean): JsonObject {
    const base = this.#reference(field.type);
    const extras: JsonObject = { ...describe(text), ...this.#default(field), ...extensions(field) };
    if (field.enumValues !== undefined) {
      const leaf = (base['items'] ?? base['additionalProperties'] ?? base) as JsonObject;
      leaf['enum'] = field.enumValues;
    }
    if (base['$ref'] === undefined || this.#version === 2 || isBare) return { ...base, ...extras };
    return { allOf: [base], ...extras };
  }

  #default(field: FieldSchema): JsonObject {
    if (this.#version === 2) return {};
    if (field.documentedDefault !== undefined) return { default: field.documentedDefault };
    if (!field.keep || field.pointer) return {};
    if (field.type.kind === 'ref') return { default: STRUCT_ZERO };
    if (field.type.kind !== 'scalar' || !Object.hasOwn(ZERO_DEFAULTS, field.type.scalar)) return {};
    return { default: ZERO_DEFAULTS[field.type.scalar] };
  }

  #reference(ref: TypeRef): JsonObject {
    switch (ref.kind) {
      case 'list': return { type: 'array', items: this.#reference(ref.item) };
      case 'map': return { type: 'object', additionalProperties: this.#reference(ref.value) };
      case 'ref': return { $ref: referencePrefix(this.#version) + definitionName(ref.name) };
      case 'scalar': {
        const name = scalarDefinitionName(ref.scalar);
        return name === undefined ? { ...SCALARS[ref.scalar] } : { $ref: referencePrefix(this.#version) + name };
      }
    }
  }
}

function describe(text: string | undefined): JsonObject {
  return text === undefined || text === '' ? {} : { description: text };
}

function extensions(field: FieldSchema): JsonObject {
  const out: JsonObject = {};
  if (field.list !== undefined) {
    if (field.list.keys.length > 0) out['x-kubernetes-list-map-keys'] = field.list.keys;
    out['x-kubernetes-list-type'] = field.list.type;
  }
  if (field.mapType !== undefined) out['x-kubernetes-map-type'] = field.mapType;
  if (field.patchMergeKey !== undefined) out['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
  if (field.patchStrategies.length > 0) out['x-kubernetes-patch-strategy'] = field.patchStrategies.join(',');
  return out;
}

/** The names that a definition, an operation or a piece of either refers to. */
export function referencesOf(value: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) {
    for (const item of value) referencesOf(item, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') found.add(item.slice(item.lastIndexOf('/') + 1));
      else referencesOf(item, found);
    }
  }
  return found;
}
