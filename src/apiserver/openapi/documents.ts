/**
 * The OpenAPI documents: v3 by group version with an index of hashes, v2 as one document, in JSON and protobuf.
 *
 * A document is put together when it is asked for, of pieces (`pieces.ts`) that are kept and made in slices which leave the event
 * loop free. Its hash is that of what it is made from, so that neither the index nor a client that is up to date costs a document.
 */
import { createHash } from 'node:crypto';
import { SCHEMA_TEXT } from '#api/generated/schema-text';
import { latest, type Latest } from './latest.ts';
import type { JsonObject, OpenApiVersion } from './definitions.ts';
import { loadDescriptions } from './descriptions.ts';
import type { Descriptions } from './descriptions.ts';
import { DocumentBytes, JSON_NOTATION, jsonObjectOf, type DocumentPieces, type Notation } from './notation.ts';
import { OPENAPI3_PROTOBUF, openApi3Parts } from './openapi3-protobuf.ts';
import { PieceMaker } from './pieces.ts';
import type { PublishedVersion } from './published.ts';
import { SERVER_PATHS, groupPath, versionPath, type RootPath } from './root-paths.ts';
import { SWAGGER_PROTOBUF, swaggerParts } from './swagger-protobuf.ts';

const SECURITY_SCHEMES = { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } };
const SECURITY = [{ BearerToken: [] }];
const OPENAPI_3 = '3.0.0';

export interface OpenApiOptions {
  /** All that is served, at the time of asking; the same list as long as nothing has changed. */
  published(): readonly PublishedVersion[];
  /** Of the server, such as `v1.36.2+kubernode`. */
  readonly serverVersion: string;
}

export interface OpenApiDocument {
  /** For ETag and the index: upper-case hex. */
  readonly hash: string;
  readonly bytes: DocumentBytes;
}

/** `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, or v3. */
export type DocumentForm = 'json' | 'protobuf';

/** What is served at one time. */
interface Snapshot {
  readonly published: readonly PublishedVersion[];
  readonly versions: ReadonlyMap<string, PublishedVersion>;
  /** Path of each group but the core one. */
  readonly groups: ReadonlyMap<string, RootPath>;
  /** Of the documents of v3, in order. */
  readonly names: readonly string[];
  index?: Buffer;
  hash?: string;
}

/** What a document of v3 is about: a group version, or one path of the server. */
type Subject = PublishedVersion | RootPath;

export class OpenApiDocuments {
  readonly #options: OpenApiOptions;
  readonly #makers = new Map<string, Promise<PieceMaker>>();
  readonly #hashes = new WeakMap<PublishedVersion, string>();
  readonly #v2: Readonly<Record<DocumentForm, Latest<OpenApiDocument>>>;
  readonly #v3 = new Map<string, Latest<OpenApiDocument>>();
  #descriptions: Promise<Descriptions> | undefined;
  #current: Snapshot | undefined;

  constructor(options: OpenApiOptions) {
    this.#options = options;
    const v2 = (form: DocumentForm): Latest<OpenApiDocument> => latest(() => this.#snapshot(), (snapshot) => this.#makeV2(snapshot, form));
    this.#v2 = { json: v2('json'), protobuf: v2('protobuf') };
  }

  /** The answer of `/openapi/v3`. */
  index(): Buffer {
    const snapshot = this.#snapshot();
    if (snapshot.index === undefined) {
      const paths = Object.fromEntries(snapshot.names.map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${this.#hash(name, this.#subject(name)!)}` }]));
      snapshot.index = Buffer.from(JSON.stringify({ paths }));
    }
    return snapshot.index;
  }

  /** @param name as in the index: `api/v1`, `apis/apps/v1`, `version`; undefined when there is no such document. */
  async v3(name: string, form: DocumentForm = 'json'): Promise<OpenApiDocument | undefined> {
    const subject = this.#subject(name);
    const key = `${form} ${name}`;
    if (subject === undefined) { this.#v3.delete(key); return undefined; }
    let document = this.#v3.get(key);
    if (document === undefined) this.#v3.set(key, document = latest(() => this.#subject(name) ?? subject, (about) => this.#makeV3(name, about, form)));
    return document();
  }

  /** The hash a document has now, without making it; undefined when there is no such document. */
  hashOf(name: string): string | undefined {
    const subject = this.#subject(name);
    return subject && this.#hash(name, subject);
  }

  async v2(form: DocumentForm = 'json'): Promise<OpenApiDocument> { return this.#v2[form](); }

  hashOfV2(): string { return this.#hashV2(this.#snapshot()); }

  #snapshot(): Snapshot {
    const published = this.#options.published();
    if (this.#current?.published === published) return this.#current;
    const versions = new Map(published.map((version) => [documentName(version), version]));
    const groups = new Map<string, RootPath>();
    for (const { group } of published) if (group !== '') groups.set(`apis/${group}`, this.#current?.groups.get(`apis/${group}`) ?? groupPath(group));
    const names = new Set([...Object.keys(SERVER_PATHS), ...groups.keys(), ...versions.keys()]);
    this.#current = { published, versions, groups, names: [...names].sort() };
    for (const key of this.#v3.keys()) if (!names.has(key.slice(key.indexOf(' ') + 1))) this.#v3.delete(key);
    return this.#current;
  }

  #subject(name: string): Subject | undefined {
    const { versions, groups } = this.#snapshot();
    return versions.get(name) ?? groups.get(name) ?? SERVER_PATHS[name];
  }

  #hash(name: string, subject: Subject): string {
    const { serverVersion } = this.#options;
    if (!('resources' in subject)) return digest([serverVersion, name].join('\n'));
    let hash = this.#hashes.get(subject);
    if (hash === undefined) {
      hash = digest([serverVersion, name, subject.custom?.revision ?? SCHEMA_TEXT[schemaGroupVersion(subject)] ?? '', JSON.stringify(subject.resources)].join('\n'));
      this.#hashes.set(subject, hash);
    }
    return hash;
  }

  #hashV2(snapshot: Snapshot): string {
    const { names, versions, groups } = snapshot;
    snapshot.hash ??= digest(names.map((name) => this.#hash(name, versions.get(name) ?? groups.get(name) ?? SERVER_PATHS[name]!)).join());
    return snapshot.hash;
  }

  /** One maker of pieces for each version and form. */
  #maker(version: OpenApiVersion, form: DocumentForm): Promise<PieceMaker> {
    const key = `${version} ${form}`;
    let maker = this.#makers.get(key);
    if (maker === undefined) {
      this.#descriptions ??= loadDescriptions();
      const notation: Notation = form === 'json' ? JSON_NOTATION : version === 2 ? SWAGGER_PROTOBUF : OPENAPI3_PROTOBUF;
      this.#makers.set(key, maker = this.#descriptions.then((descriptions) => new PieceMaker(version, descriptions, notation)));
    }
    return maker;
  }

  async #makeV3(name: string, subject: Subject, form: DocumentForm): Promise<OpenApiDocument> {
    const isVersion = 'resources' in subject;
    const hash = this.#hash(name, subject);
    const maker = await this.#maker(3, form);
    const pieces = await maker.document([isVersion ? versionPath(subject.group, subject.version) : subject], isVersion ? [subject] : []);
    const info = this.#info();
    if (form === 'protobuf') return { hash, bytes: new DocumentBytes(openApi3Parts({ openapi: OPENAPI_3, info, securitySchemes: SECURITY_SCHEMES }, pieces)) };
    return { hash, bytes: new DocumentBytes([
      Buffer.from(`{"openapi":"${OPENAPI_3}","info":${JSON.stringify(info)},"paths":`), ...jsonObjectOf(pieces.paths),
      Buffer.from(',"components":{"schemas":'), ...jsonObjectOf(pieces.definitions), Buffer.from(`,"securitySchemes":${JSON.stringify(SECURITY_SCHEMES)}}}`),
    ]) };
  }

  async #makeV2(snapshot: Snapshot, form: DocumentForm): Promise<OpenApiDocument> {
    const maker = await this.#maker(2, form);
    const roots = [...Object.values(SERVER_PATHS), ...snapshot.groups.values(), ...snapshot.published.map(({ group, version }) => versionPath(group, version))];
    const pieces = await maker.document(roots, snapshot.published);
    const info = this.#info();
    return { hash: this.#hashV2(snapshot), bytes: new DocumentBytes(form === 'json' ? swaggerJson(info, pieces)
      : swaggerParts({ info, securityDefinitions: SECURITY_SCHEMES, security: SECURITY }, pieces)) };
  }

  #info(): JsonObject {
    return { title: 'Kubernetes', version: this.#options.serverVersion };
  }
}

function swaggerJson(info: JsonObject, { paths, definitions, parameters }: DocumentPieces): Buffer[] {
  return [
    Buffer.from(`{"swagger":"2.0","info":${JSON.stringify(info)},"paths":`), ...jsonObjectOf(paths), Buffer.from(',"definitions":'), ...jsonObjectOf(definitions),
    Buffer.from(',"parameters":'), ...jsonObjectOf(parameters), Buffer.from(`,"securityDefinitions":${JSON.stringify(SECURITY_SCHEMES)},"security":${JSON.stringify(SECURITY)}}`),
  ];
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

function digest(text: string): string {
  return createHash('sha512').update(text).digest('hex').toUpperCase();
}
