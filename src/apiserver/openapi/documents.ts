/**
 * The OpenAPI documents: v3 by group version with an index of hashes, v2 as one document in JSON and protobuf.
 *
 * A document is made when first asked for, in slices that leave the event loop free, and kept until what it describes changes.
 * Its hash is that of what it is made from, so that the index costs no document.
 */
import { createHash } from 'node:crypto';
import { allGroupVersions, resolveType } from '#api/registry';
import type { ResourceInfo, SubresourceInfo } from '#api/registry';
import { SCHEMA_TEXT } from '#api/generated/schema-text';
import type { TypeSchema } from '#machinery/schema/model';
import { definitionName, typeName } from './definition-names.ts';
import { DefinitionWriter, referencesOf, specialDefinition } from './definitions.ts';
import type { GroupVersionKind, JsonObject, OpenApiVersion } from './definitions.ts';
import { loadDescriptions } from './descriptions.ts';
import type { Descriptions } from './descriptions.ts';
import { optionKinds } from './option-kinds.ts';
import { encodeOpenApi3 } from './openapi3-protobuf.ts';
import { operationsOf } from './operations.ts';
import type { Definitions, Operation } from './operations.ts';
import { BUILTIN_MEDIA_TYPES, CUSTOM_MEDIA_TYPES, PathWriter } from './paths.ts';
import { SERVER_PATHS, groupPath, versionPath, writeRootPath } from './root-paths.ts';
import { encodeSwagger } from './swagger-protobuf.ts';

/** Pieces of a document that are written before others get a turn. */
const SLICE_ITEMS = 4;
const SECURITY_SCHEMES = { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } };
const SECURITY = [{ BearerToken: [] }];

/** A group version to document. */
export interface PublishedVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ResourceInfo[];
  /** Of custom resources; absent for built-in ones. */
  readonly custom?: CustomDefinitions;
}

export interface CustomDefinitions {
  /** Changes with every change of the definitions. */
  readonly revision: string;
  /** Definition of a kind or of its list, such as `com.example.v1.Thing`. */
  nameOf(kind: string): string;
  /** Name → definition, references with the prefix of the document's version. */
  definitions(version: OpenApiVersion, descriptions: Descriptions): ReadonlyMap<string, JsonObject>;
}

export interface OpenApiOptions {
  /** All that is served, at the time of asking. */
  published(): readonly PublishedVersion[];
  /** Of the server, such as `v1.36.2+kubernode`. */
  readonly serverVersion: string;
}

export interface OpenApiDocument {
  readonly json: Buffer;
  /** For ETag and the index: upper-case hex. */
  readonly hash: string;
  /** `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, or v3; made on first use. */
  protobuf(): Promise<Buffer>;
}


const OPENAPI_3 = '3.0.0';

interface Cached<T> { readonly hash: string; readonly document: Promise<T> }

export class OpenApiDocuments {
  readonly #options: OpenApiOptions;
  #descriptions: Promise<Descriptions> | undefined;
  readonly #v3 = new Map<string, Cached<OpenApiDocument>>();
  #v2: Cached<OpenApiDocument> | undefined;

  constructor(options: OpenApiOptions) {
    this.#options = options;
  }

  /** The answer of `/openapi/v3`. */
  index(): JsonObject {
    const paths: JsonObject = {};
    for (const name of this.#names()) paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${this.#hash(name)}` };
    return { paths };
  }

  /** @param name as in the index: `api/v1`, `apis/apps/v1`, `version`; undefined when there is no such document. */
  async v3(name: string): Promise<OpenApiDocument | undefined> {
    if (!this.#names().includes(name)) return undefined;
    const hash = this.#hash(name);
    let cached = this.#v3.get(name);
    if (cached?.hash !== hash) {
      cached = { hash, document: this.#buildV3(name, hash) };
      this.#v3.set(name, cached);
    }
    return cached.document;
  }

  /** The hash a document has now, without making it; undefined when there is no such document. */
  hashOf(name: string): string | undefined {
    return this.#names().includes(name) ? this.#hash(name) : undefined;
  }

  async v2(): Promise<OpenApiDocument> {
    const hash = digest(this.#names().map((name) => this.#hash(name)).join());
    if (this.#v2?.hash !== hash) this.#v2 = { hash, document: this.#buildV2(hash) };
    return this.#v2.document;
  }

  #names(): string[] {
    const published = this.#options.published();
    const groups = new Set(published.map((version) => version.group).filter((group) => group !== ''));
    return [...Object.keys(SERVER_PATHS), ...[...groups].map((group) => `apis/${group}`), ...published.map(documentName)].sort();
  }

  #find(name: string): PublishedVersion | undefined {
    return this.#options.published().find((version) => documentName(version) === name);
  }

  #hash(name: string): string {
    const published = this.#find(name);
    const inputs = [this.#options.serverVersion, name];
    if (published !== undefined) inputs.push(published.custom?.revision ?? SCHEMA_TEXT[schemaGroupVersion(published)] ?? '', JSON.stringify(published.resources));
    return digest(inputs.join('\n'));
  }

  #loaded(): Promise<Descriptions> {
    this.#descriptions ??= loadDescriptions();
    return this.#descriptions;
  }

  async #buildV3(name: string, hash: string): Promise<OpenApiDocument> {
    const published = this.#find(name);
    const builder = new DocumentBuilder(3, await this.#loaded());
    if (published !== undefined) await builder.addVersion(published);
    else builder.addRoot(SERVER_PATHS[name] ?? groupPath(name.slice('apis/'.length)));
    const { paths, definitions } = await builder.finish(published === undefined ? [] : [published]);
    const info = this.#info();
    const json = Buffer.from(`{"openapi":"${OPENAPI_3}","info":${JSON.stringify(info)},"paths":${joined(paths)},"components":{"schemas":${joined(definitions)},"securitySchemes":${JSON.stringify(SECURITY_SCHEMES)}}}`);
    return { json, hash, protobuf: once(() => encodeOpenApi3({ openapi: OPENAPI_3, info, paths, schemas: definitions, securitySchemes: SECURITY_SCHEMES }, newPause())) };
  }

  async #buildV2(hash: string): Promise<OpenApiDocument> {
    const builder = new DocumentBuilder(2, await this.#loaded());
    const published = this.#options.published();
    for (const root of Object.values(SERVER_PATHS)) builder.addRoot(root);
    for (const group of new Set(published.map((version) => version.group))) if (group !== '') builder.addRoot(groupPath(group));
    for (const version of published) await builder.addVersion(version);
    const { paths, definitions, parameters } = await builder.finish(published);
    const info = this.#info();
    const json = Buffer.from(`{"swagger":"2.0","info":${JSON.stringify(info)},"paths":${joined(paths)},"definitions":${joined(definitions)},"parameters":${joined(parameters)},"securityDefinitions":${JSON.stringify(SECURITY_SCHEMES)},"security":${JSON.stringify(SECURITY)}}`);
    return { json, hash, protobuf: once(() => encodeSwagger({ info, paths, definitions, parameters, securityDefinitions: SECURITY_SCHEMES, security: SECURITY }, newPause())) };
  }

  #info(): JsonObject {
    return { title: 'Kubernetes', version: this.#options.serverVersion };
  }
}

export function openApiDocuments(options: OpenApiOptions): OpenApiDocuments {
  return new OpenApiDocuments(options);
}

function documentName({ group, version }: PublishedVersion): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function schemaGroupVersion({ resources, version }: PublishedVersion): string {
  const type = resources[0]?.type ?? '';
  return `${type.slice(0, type.indexOf('/'))}/${version}`;
}

function once(make: () => Promise<Buffer>): () => Promise<Buffer> {
  let made: Promise<Buffer> | undefined;
  return () => (made ??= make());
}

function digest(text: string): string {
  return createHash('sha512').update(text).digest('hex').toUpperCase();
}

/** By name, as JSON text. */
interface Pieces {
  readonly paths: ReadonlyMap<string, string>;
  readonly definitions: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Gathers paths, then the definitions they reach; both as text, piece by piece. */
class DocumentBuilder {
  readonly #version: OpenApiVersion;
  readonly #descriptions: Descriptions;
  readonly #paths = new Map<string, string>();
  readonly #references = new Set<string>();
  readonly #parameters = new Map<string, JsonObject>();
  readonly #pause = newPause();

  constructor(version: OpenApiVersion, descriptions: Descriptions) {
    this.#version = version;
    this.#descriptions = descriptions;
  }

  addRoot(root: Parameters<typeof writeRootPath>[0]): void {
    this.#addPath(root.path, writeRootPath(root, this.#version));
  }

  async addVersion(published: PublishedVersion): Promise<void> {
    this.addRoot(versionPath(published.group, published.version));
    const writer = new PathWriter(this.#version, this.#descriptions, published.custom === undefined ? BUILTIN_MEDIA_TYPES : CUSTOM_MEDIA_TYPES);
    for (const info of published.resources) {
      const byPath = new Map<string, Operation[]>();
      for (const operation of operationsOf(info, namesOf(info, published))) {
        const operations = byPath.get(operation.path);
        if (operations === undefined) byPath.set(operation.path, [operation]);
        else operations.push(operation);
      }
      for (const [path, operations] of byPath) {
        this.#addPath(path, writer.item(operations, published));
        await this.#pause();
      }
    }
    for (const [name, parameter] of writer.shared) this.#parameters.set(name, parameter);
  }

  #addPath(path: string, item: JsonObject): void {
    this.#paths.set(path, JSON.stringify(item));
    referencesOf(item, this.#references);
  }

  async finish(published: readonly PublishedVersion[]): Promise<Pieces> {
    for (const parameter of this.#parameters.values()) referencesOf(parameter, this.#references);
    const written = new Map<string, string>();
    const known = new KnownDefinitions(this.#version, this.#descriptions, published);
    // References grow while definitions are written; a set visits what is added to it.
    for (const name of this.#references) {
      const definition = known.write(name);
      written.set(name, JSON.stringify(definition));
      referencesOf(definition, this.#references);
      await this.#pause();
    }
    return { paths: this.#paths, definitions: written, parameters: new Map([...this.#parameters].map(([name, value]) => [name, JSON.stringify(value)])) };
  }
}

/** Gives the event loop a turn at every few calls. */
function newPause(): () => Promise<void> {
  let pieces = 0;
  return async () => {
    if (++pieces % SLICE_ITEMS === 0) await new Promise((resume) => { setImmediate(resume); });
  };
}

function joined(pieces: ReadonlyMap<string, string>): string {
  const names = [...pieces.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${pieces.get(name)!}`).join(',')}}`;
}

function namesOf(info: ResourceInfo, published: PublishedVersion): Definitions {
  const { custom } = published;
  if (custom !== undefined) {
    const scale = definitionName('autoscaling/v1.Scale');
    return { object: custom.nameOf(info.kind), list: custom.nameOf(`${info.kind}List`), of: (sub) => (sub.name === 'scale' ? scale : custom.nameOf(sub.kind)) };
  }
  const own = info.type.slice(0, info.type.indexOf('.'));
  const typeOf = (sub: SubresourceInfo): string => (sub.group === undefined ? `${own}.${sub.kind}` : `${SUBRESOURCE_DIRS[sub.group]!}/${sub.version}.${sub.kind}`);
  return { object: definitionName(info.type), list: definitionName(`${info.type}List`), of: (sub) => definitionName(typeOf(sub)) };
}

/** Groups of kinds that other groups' subresources have → their schema folders. */
const SUBRESOURCE_DIRS: Readonly<Record<string, string>> = { autoscaling: 'autoscaling', policy: 'policy', 'authentication.k8s.io': 'authentication' };

/** Definitions by name: types of the schema, custom ones, and the few that are neither. */
class KnownDefinitions {
  readonly #version: OpenApiVersion;
  readonly #writer: DefinitionWriter;
  readonly #published: readonly PublishedVersion[];
  readonly #custom = new Map<string, JsonObject>();

  constructor(version: OpenApiVersion, descriptions: Descriptions, published: readonly PublishedVersion[]) {
    this.#version = version;
    this.#writer = new DefinitionWriter(version, descriptions);
    this.#published = published;
    for (const { custom } of published) for (const [name, definition] of custom?.definitions(version, descriptions) ?? []) this.#custom.set(name, definition);
  }

  write(name: string): JsonObject {
    const custom = this.#custom.get(name);
    if (custom !== undefined) return custom;
    const special = specialDefinition(name, this.#version);
    if (special !== undefined) return special;
    const type = resolveType(typeName(name));
    return type === undefined ? {} : this.#writer.write(type, this.#kindsOf(type));
  }

  #kindsOf(type: TypeSchema): readonly GroupVersionKind[] {
    const [groupVersion, kind] = type.name.split('.') as [string, string];
    if (groupVersion === 'meta/v1') {
      if (kind === 'DeleteOptions' || kind === 'WatchEvent') return optionKinds(kind, this.#version, this.#published);
      return type.isKind ? [{ group: '', version: 'v1', kind }] : [];
    }
    return type.isKind ? [{ group: groupOf(type), version: groupVersion.slice(groupVersion.indexOf('/') + 1), kind }] : [];
  }
}

function groupOf(type: TypeSchema): string {
  const dir = type.name.slice(0, type.name.indexOf('/'));
  return allGroupVersions().find((info) => info.dir === dir)?.group ?? dir;
}
