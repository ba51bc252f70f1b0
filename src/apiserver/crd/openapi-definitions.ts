/**
 * Custom resources in the OpenAPI documents: each kind with its version's schema, and its list.
 *
 * Clients of OpenAPI v2 understand less of a schema than there is: what would mislead them is left out there.
 */
import { createHash } from 'node:crypto';
import { definitionName } from '../openapi/definition-names.ts';
import { referencePrefix, type JsonObject, type OpenApiVersion } from '../openapi/definitions.ts';
import type { CustomDefinitions } from '../openapi/documents.ts';
import type { Structural } from '#machinery/schema/structural';

const CONVENTIONS = 'More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const TYPE_META: JsonObject = {
  apiVersion: { type: 'string', description: `Version of the schema that this object is written in. ${CONVENTIONS}#resources` },
  kind: { type: 'string', description: `Kind of this object, in CamelCase. ${CONVENTIONS}#types-kinds` },
};
/** Keywords that OpenAPI documents have no place for. */
const UNPUBLISHED: ReadonlySet<string> = new Set(['id', '$schema', '$ref', 'patternProperties', 'dependencies', 'additionalItems', 'definitions', 'externalDocs', 'example']);
const JUNCTORS = ['allOf', 'oneOf', 'anyOf', 'not'] as const;

export interface PublishedKind {
  readonly kind: string;
  readonly listKind: string;
  readonly resource: string;
  readonly schema: Structural | undefined;
  readonly selectableFields: readonly { readonly jsonPath: string }[];
}

export function customDefinitions(group: string, version: string, kinds: readonly PublishedKind[]): CustomDefinitions {
  const nameOf = (kind: string): string => `${group.split('.').reverse().join('.')}.${version}.${kind}`;
  return {
    revision: createHash('sha256').update(JSON.stringify(kinds)).digest('hex'),
    nameOf,
    definitions(openApi) {
      const all = new Map<string, JsonObject>();
      for (const one of kinds) {
        const extensions = (kind: string): JsonObject => ({
          'x-kubernetes-group-version-kind': [{ group, version, kind }],
          ...(one.selectableFields.length === 0 ? {} : { 'x-kubernetes-selectable-fields': one.selectableFields.map(({ jsonPath }) => ({ fieldPath: jsonPath.replace(/^\./, '') })) }),
        });
        all.set(nameOf(one.kind), { ...objectDefinition(one.schema, openApi), ...extensions(one.kind) });
        all.set(nameOf(one.listKind), { ...listDefinition(one, nameOf(one.kind), openApi), ...extensions(one.listKind) });
      }
      return all;
    },
  };
}

function reference(name: string, openApi: OpenApiVersion, description: string): JsonObject {
  const target = { $ref: referencePrefix(openApi) + name };
  return openApi === 2 ? { ...target, description } : { allOf: [target], description };
}

function metadataProperty(openApi: OpenApiVersion): JsonObject {
  return reference(definitionName('meta/v1.ObjectMeta'), openApi, `Metadata that every object has. ${CONVENTIONS}#metadata`);
}

function objectDefinition(schema: Structural | undefined, openApi: OpenApiVersion): JsonObject {
  // Properties would forbid all others, in the eyes of clients.
  if (schema === undefined || (openApi === 2 && schema['x-kubernetes-preserve-unknown-fields'] === true)) return { type: 'object' };
  const out = published(schema, openApi);
  return { ...out, properties: { ...out['properties'] as JsonObject | undefined, ...TYPE_META, metadata: metadataProperty(openApi) } };
}

function listDefinition(one: PublishedKind, item: string, openApi: OpenApiVersion): JsonObject {
  return {
    type: 'object', description: `${one.listKind} is a list of ${one.kind}`, required: ['items'],
    properties: {
      ...TYPE_META,
      items: { type: 'array', description: `List of ${one.resource}. ${CONVENTIONS}`, items: openApi === 2 ? { $ref: referencePrefix(2) + item } : { $ref: referencePrefix(3) + item } },
      metadata: reference(definitionName('meta/v1.ListMeta'), openApi, `Metadata that every list has. ${CONVENTIONS}#types-kinds`),
    },
  };
}

function published(schema: Structural, openApi: OpenApiVersion): JsonObject {
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) if (!UNPUBLISHED.has(key) && value !== undefined) out[key] = value;
  const { properties, items, additionalProperties: more } = schema;
  if (properties !== undefined) out['properties'] = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, published(one, openApi)]));
  if (items !== undefined) out['items'] = published(items, openApi);
  if (typeof more === 'object') out['additionalProperties'] = published(more, openApi);
  if (openApi === 2) simplify(out, schema);
  const keepsUnknown = openApi === 2 && schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['x-kubernetes-embedded-resource'] === true && !keepsUnknown) {
    out['properties'] = { ...out['properties'] as JsonObject | undefined, ...TYPE_META, metadata: metadataProperty(openApi) };
    out['required'] = [...new Set([...schema.required ?? [], 'kind', 'apiVersion'])];
  }
  return out;
}

/** What clients of v2 take literally is left open. */
function simplify(out: JsonObject, schema: Structural): void {
  for (const junctor of JUNCTORS) delete out[junctor];
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.nullable === true) for (const key of ['type', 'nullable', 'items', 'properties']) delete out[key];
  if (keepsUnknown) for (const key of ['items', 'properties']) delete out[key];
  if ((schema.type === 'array' && out['items'] === undefined) || (keepsUnknown && schema.type === 'object')) delete out['type'];
  const required = (schema.required ?? []).filter((name) => schema.properties?.[name]?.nullable !== true);
  if (required.length > 0) out['required'] = required; else delete out['required'];
}
