/** Operations → path items of OpenAPI v2 or v3. What all operations of a path take is said once, at the path. */
import { referencePrefix } from './definitions.ts';
import type { JsonObject, OpenApiVersion } from './definitions.ts';
import { groupTag } from './definition-names.ts';
import type { Descriptions } from './descriptions.ts';
import type { Operation } from './operations.ts';
import { parameterKey, sharedName, writeParameter } from './parameters.ts';
import type { Parameter } from './parameters.ts';

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const CODE_TEXTS: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 401: 'Unauthorized' };
/** Bodies that v2 shares. */
const SHARED_BODIES: Readonly<Record<string, string>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions': 'body-2Y1dVQaQ', 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'body-78PwaGsr',
};

/** What a group version's resources are read and written in. */
export interface MediaTypes {
  readonly object: readonly string[];
  readonly patch: readonly string[];
}

export const BUILTIN_MEDIA_TYPES: MediaTypes = {
  object: [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE],
  patch: ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'],
};
export const CUSTOM_MEDIA_TYPES: MediaTypes = {
  object: [JSON_TYPE, YAML_TYPE],
  patch: ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'],
};

export class PathWriter {
  readonly #version: OpenApiVersion;
  readonly #descriptions: Descriptions;
  readonly #media: MediaTypes;
  readonly #written = new WeakMap<Parameter, JsonObject>();
  #shared = new Map<string, JsonObject>();

  constructor(version: OpenApiVersion, descriptions: Descriptions, media: MediaTypes) {
    this.#version = version;
    this.#descriptions = descriptions;
    this.#media = media;
  }

  /** @param tag of the operations' group version. */
  item(operations: readonly Operation[], tag: { readonly group: string; readonly version: string }): JsonObject {
    const common = commonParameters(operations);
    const out: JsonObject = {};
    for (const operation of operations) {
      const own = operation.parameters.filter((parameter) => !common.has(parameterKey(parameter)));
      out[operation.method] = this.#operation(operation, own, groupTag(tag.group, tag.version));
    }
    if (common.size > 0) out['parameters'] = this.#parameters([...common.values()]);
    return out;
  }

  /** v2's shared parameters that were referred to since this was asked last. */
  takeShared(): ReadonlyMap<string, JsonObject> {
    const taken = this.#shared;
    this.#shared = new Map();
    return taken;
  }

  #parameters(parameters: readonly Parameter[]): JsonObject[] {
    const sorted = [...parameters].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return sorted.map((parameter) => {
      let written = this.#written.get(parameter);
      if (written === undefined) this.#written.set(parameter, written = writeParameter(parameter, this.#version, this.#descriptions));
      if (this.#version === 3 || parameter.shared === undefined) return written;
      const name = sharedName(parameter);
      this.#shared.set(name, written);
      return { $ref: `#/parameters/${name}` };
    });
  }

  #operation(operation: Operation, own: readonly Parameter[], tag: string): JsonObject {
    const { group, version, kind } = operation.kind;
    const parameters = this.#parameters(own);
    const produces = this.#produces(operation);
    const common = { description: operation.description, operationId: operation.id, tags: [tag] };
    const extensions = { 'x-kubernetes-action': operation.action, 'x-kubernetes-group-version-kind': { group, kind, version } };
    if (this.#version === 3) {
      return {
        ...common, ...(parameters.length > 0 ? { parameters } : {}), ...this.#bodyV3(operation), responses: this.#responses(operation, produces), ...extensions,
      };
    }
    const all = operation.body === undefined ? parameters : [this.#bodyV2(operation.body), ...parameters];
    return {
      consumes: operation.isPatch ? this.#media.patch : ['*/*'], ...common, ...(all.length > 0 ? { parameters: all } : {}), produces,
      responses: this.#responses(operation, produces), schemes: ['https'], ...extensions,
    };
  }

  #produces(operation: Operation): readonly string[] {
    const { object } = this.#media;
    switch (operation.produces) {
      case 'any': return ['*/*'];
      case 'log': return ['text/plain', ...object];
      case 'stream': return [...object, ...object.filter((type) => type !== YAML_TYPE).map((type) => `${type};stream=watch`)];
      case 'object': return object;
    }
  }

  #schema(definition: string | undefined): JsonObject {
    return definition === undefined ? { type: 'string' } : { $ref: referencePrefix(this.#version) + definition };
  }

  #responses(operation: Operation, produces: readonly string[]): JsonObject {
    const out: JsonObject = {};
    for (const code of operation.codes) out[code] = responseOf(this.#version, code, this.#schema(operation.answer), produces);
    out['401'] = { description: CODE_TEXTS[401] };
    return out;
  }

  #bodyV3(operation: Operation): JsonObject {
    if (operation.body === undefined) return {};
    const schema = this.#schema(operation.body.definition);
    const types = operation.isPatch ? this.#media.patch : ['*/*'];
    return { requestBody: { content: contentOf(types, schema), ...(operation.body.required ? { required: true } : {}) } };
  }

  #bodyV2(body: NonNullable<Operation['body']>): JsonObject {
    const written = { in: 'body', name: 'body', ...(body.required ? { required: true } : {}), schema: this.#schema(body.definition) };
    const name = SHARED_BODIES[body.definition];
    if (name === undefined) return written;
    this.#shared.set(name, written);
    return { $ref: `#/parameters/${name}` };
  }
}

function contentOf(types: readonly string[], schema: JsonObject): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

export function responseOf(version: OpenApiVersion, code: number, schema: JsonObject, produces: readonly string[]): JsonObject {
  const description = CODE_TEXTS[code];
  return version === 2 ? { description, schema } : { description, content: contentOf(produces, schema) };
}

function commonParameters(operations: readonly Operation[]): Map<string, Parameter> {
  const [first, ...others] = operations;
  const common = new Map((first?.parameters ?? []).map((parameter) => [parameterKey(parameter), parameter]));
  for (const operation of others) {
    const keys = new Set(operation.parameters.map(parameterKey));
    for (const key of common.keys()) if (!keys.has(key)) common.delete(key);
  }
  return common;
}
