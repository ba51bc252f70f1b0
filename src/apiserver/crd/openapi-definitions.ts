/**
 * Custom resources in the OpenAPI documents: each kind with its version's schema, and its list.
 *
 * Clients of OpenAPI v2 understand less of a schema than there is: what would mislead them is left out there.
 */
import { createHash } from 'node:crypto';
import { definitionName } from '../openapi/definition-names.ts';
import { referencePrefix, type JsonObject, type OpenApiVersion } from '../openapi/definitions.ts';
import type { Descriptions } from '../openapi/descriptions.ts';
import type { CustomDefinitions } from '../openapi/published.ts';
import type { Structural } from '#machinery/schema/structural';

/** Where the items of a list are explained. */
const CONVENTIONS = 'More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
/** Built-in types whose own fields are described as those of every kind and of every list. */
const [A_KIND, A_LIST] = ['core/v1.Pod', 'core/v1.PodList'];
/** Keywords that OpenAPI documents have no place for. */
const UNPUBLISHED: ReadonlySet<string> = new Set(['id', '$schema', '$ref', 'patternProperties', 'dependencies', 'additionalItems', 'definitions', 'externalDocs', 'example']);
const JUNCTORS = ['allOf', 'oneOf', 'anyOf', 'not'] as const;

export interface PublishedKind {
  /** Changes with the definition. */
  readonly state: string;
  readonly kind: string;
  readonly listKind: string;
  readonly resource: string;
  readonly schema: Structural | undefined;
  readonly selectableFields: readonly { readonly jsonPath: string }[];
}

export function customDefinitions(group: string, version: string, kinds: readonly PublishedKind[]): CustomDefinitions {
  const nameOf = (kind: string): string => `${group.split('.').reverse().join('.')}.${version}.${kind}`;
  const byResource = new Map(kinds.map((one) => [one.resource, one]));
  return {
    revision: createHash('sha256').update(kinds.map(({ kind, state }) => `${kind} ${state}`).sort().join('\n')).digest('hex'),
    namesOf: ({ resource, kind }) => ({ object: nameOf(kind), list: nameOf(byResource.get(resource)?.listKind ?? `${kind}List`) }),
    definitions({ resource }, openApi, descriptions) {
      const one = byResource.get(resource);
      if (one === undefined) return new Map();
      const own = ownFields(openApi, descriptions);
      const extensions = (kind: string): JsonObject => ({
        'x-kubernetes-group-version-kind': [{ group, version, kind }],
        ...(one.selectableFields.length === 0 ? {} : { 'x-kubernetes-selectable-fields': one.selectableFields.map(({ jsonPath }) => ({ fieldPath: jsonPath.replace(/^\./, '') })) }),
      });
      return new Map<string, JsonObject>([
        [nameOf(one.kind), { ...objectDefinition(one.schema, openApi, own), ...extensions(one.kind) }],
        [nameOf(one.listKind), { ...listDefinition(one, nameOf(one.kind), openApi, own), ...extensions(one.listKind) }],
      ]);
    },
  };
}

/** `apiVersion`, `kind` and `metadata`, of a kind and of its list. */
interface OwnFields { readonly object: JsonObject; readonly list: JsonObject }

function ownFields(openApi: OpenApiVersion, { types }: Descriptions): OwnFields {
  const described = (type: string, field: string): JsonObject => {
    const description = types[type]?.[1][field];
    return description === undefined ? {} : { description };
  };
  const fieldsLike = (type: string, metadata: string): JsonObject => {
    const target = { $ref: referencePrefix(openApi) + definitionName(metadata) };
    return {
      apiVersion: { type: 'string', ...described(type, 'apiVersion') },
      kind: { type: 'string', ...described(type, 'kind') },
      metadata: { ...(openApi === 2 ? target : { allOf: [target] }), ...described(type, 'metadata') },
    };
  };
  return { object: fieldsLike(A_KIND, 'meta/v1.ObjectMeta'), list: fieldsLike(A_LIST, 'meta/v1.ListMeta') };
}

function objectDefinition(schema: Structural | undefined, openApi: OpenApiVersion, own: OwnFields): JsonObject {
  // Properties would forbid all others, in the eyes of clients.
  if (schema === undefined || (openApi === 2 && schema['x-kubernetes-preserve-unknown-fields'] === true)) return { type: 'object' };
  const out = published(schema, openApi, own);
  return { ...out, properties: { ...out['properties'] as JsonObject | undefined, ...own.object } };
}

function listDefinition(one: PublishedKind, item: string, openApi: OpenApiVersion, own: OwnFields): JsonObject {
  return {
    type: 'object', description: `${one.listKind} is a list of ${one.kind}`, required: ['items'],
    properties: {
      ...own.list,
      items: { type: 'array', description: `List of ${one.resource}. ${CONVENTIONS}`, items: openApi === 2 ? { $ref: referencePrefix(2) + item } : { $ref: referencePrefix(3) + item } },
    },
  };
}

function published(schema: Structural, openApi: OpenApiVersion, own: OwnFields): JsonObject {
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) if (!UNPUBLISHED.has(key) && value !== undefined) out[key] = value;
  const { properties, items, additionalProperties: more } = schema;
  if (properties !== undefined) out['properties'] = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, published(one, openApi, own)]));
  if (items !== undefined) out['items'] = published(items, openApi, own);
  if (typeof more === 'object') out['additionalProperties'] = published(more, openApi, own);
  if (openApi === 2) simplify(out, schema);
  const keepsUnknown = openApi === 2 && schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['x-kubernetes-embedded-resource'] === true && !keepsUnknown) {
    out['properties'] = { ...out['properties'] as JsonObject | undefined, ...own.object };
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
