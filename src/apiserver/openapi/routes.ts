/**
 * `/openapi/v2`, `/openapi/v3` and the documents below it: for GET and HEAD, with ETags, and for ever when asked for by hash.
 */
import { parseMediaType } from '#machinery/codec/content-type';
import { bytesResponse, header, type RequestContext } from '../context.ts';
import { methodNotAllowed } from '../handlers/dispatch.ts';
import type { MountedRoute } from '../discovery/routes.ts';
import { GIT_VERSION } from '../discovery/version.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { ResourceTable, TableEntry } from '../resource-table.ts';
import { openApiDocuments } from './documents.ts';
import type { OpenApiDocument } from './documents.ts';
import type { CustomDefinitions, PublishedVersion } from './published.ts';

const JSON_TYPE = 'application/json';
/** The name that the protobuf form is sent under, and the one that old clients ask for. */
const PROTOBUF = {
  v2: { sent: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', old: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' },
  v3: { sent: 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf', old: 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf' },
} as const;
const V3_PREFIX = '/openapi/v3/';

export interface OpenApiRouteOptions {
  readonly table: ResourceTable;
  /** Of a group version of custom resources; undefined leaves it undocumented. */
  customDefinitions?(group: string, version: string): CustomDefinitions | undefined;
}

export function openApiRoutes(options: OpenApiRouteOptions): MountedRoute[] {
  const documents = openApiDocuments({ serverVersion: GIT_VERSION, published: publishedVersions(options) });

  async function v2({ request }: RequestContext): Promise<ApiResponse> {
    const type = documentType(header(request, 'accept'), 'v2');
    if (type === undefined) return { status: 406, headers: {}, body: Buffer.alloc(0) };
    const form = type === JSON_TYPE ? 'json' : 'protobuf';
    const etagOf = (hash: string): string => `"${form === 'json' ? '' : 'P'}${hash}"`;
    const current = etagOf(documents.hashOfV2());
    if (header(request, 'if-none-match') === current) return notModified(current);
    const document = await documents.v2(form);
    return documentResponse(request, document, { 'content-type': type, etag: etagOf(document.hash) });
  }

  async function v3({ request, info }: RequestContext): Promise<ApiResponse> {
    const name = info.path.slice(V3_PREFIX.length);
    if (name === '') return index();
    const hash = documents.hashOf(name);
    if (hash === undefined) return { status: 404, headers: {}, body: Buffer.alloc(0) };
    const asked = info.query.get('hash');
    if (asked !== null && asked !== '' && asked !== hash) {
      return { status: 301, headers: { location: `${V3_PREFIX}${name}?hash=${hash}` }, body: Buffer.alloc(0) };
    }
    const type = documentType(header(request, 'accept'), 'v3');
    if (type === undefined) return { status: 406, headers: {}, body: Buffer.alloc(0) };
    if (header(request, 'if-none-match') === `"${hash}"`) return notModified(`"${hash}"`);
    const document = await documents.v3(name, type === JSON_TYPE ? 'json' : 'protobuf');
    if (document === undefined) return { status: 404, headers: {}, body: Buffer.alloc(0) };
    const cacheControl: Record<string, string> = asked === document.hash ? { 'cache-control': 'public, immutable' } : {};
    return documentResponse(request, document, { 'content-type': type, etag: `"${document.hash}"`, ...cacheControl });
  }

  const index = (): ApiResponse => bytesResponse(200, JSON_TYPE, documents.index());

  const forReading = (handle: MountedRoute['handle']): MountedRoute['handle'] => (context) => {
    if (!isRead(context.request)) throw methodNotAllowed();
    return handle(context);
  };
  return [
    { path: '/openapi/v2', handle: forReading(v2) },
    { path: '/openapi/v3', handle: forReading(async () => index()) },
    { path: V3_PREFIX, handle: forReading(v3) },
  ];
}

/** What is served, as one list until something changes; group versions that did not change stay what they are. */
function publishedVersions({ table, customDefinitions }: OpenApiRouteOptions): () => readonly PublishedVersion[] {
  let revision = -1;
  let all: readonly PublishedVersion[] = [];
  let known = new Map<readonly TableEntry[], PublishedVersion | undefined>();

  function published(group: string, version: string, entries: readonly TableEntry[]): PublishedVersion | undefined {
    const resources = entries.map((entry) => entry.info);
    if (!entries.some((entry) => entry.served?.custom === true)) return { group, version, resources };
    const custom = customDefinitions?.(group, version);
    return custom && { group, version, resources, custom };
  }

  return () => {
    if (revision === table.revision) return all;
    revision = table.revision;
    const next: typeof known = new Map();
    for (const group of table.groups()) {
      for (const version of table.versions(group)) {
        const entries = table.entries(group, version);
        next.set(entries, known.has(entries) ? known.get(entries) : published(group, version, entries));
      }
    }
    known = next;
    all = [...next.values()].filter((version) => version !== undefined);
    return all;
  };
}

function isRead(request: ApiRequest): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

/** Clauses in their order; undefined: none can be served. */
function documentType(accept: string, version: keyof typeof PROTOBUF): string | undefined {
  if (accept === '') return JSON_TYPE;
  for (const clause of accept.split(',')) {
    const name = clause.split(';')[0]!.trim();
    if (name === PROTOBUF[version].sent || name === PROTOBUF[version].old) return PROTOBUF[version].sent;
    if (accepts(name, JSON_TYPE)) return JSON_TYPE;
  }
  return undefined;
}

function accepts(accept: string, type: string): boolean {
  return accept.split(',').some((clause) => {
    const range = parseMediaType(clause.trim())?.type ?? clause.split(';')[0]!.trim();
    return range === '*/*' || range === type || range === `${type.split('/')[0]}/*`;
  });
}

function documentResponse({ method }: ApiRequest, { bytes }: OpenApiDocument, headers: Record<string, string>): ApiResponse {
  const body = method === 'HEAD' ? Buffer.alloc(0) : bytes.body();
  return { status: 200, headers: { ...headers, vary: 'Accept', ...(Buffer.isBuffer(body) ? {} : { 'content-length': String(bytes.length) }) }, body };
}

function notModified(etag: string): ApiResponse {
  return { status: 304, headers: { etag, vary: 'Accept' }, body: Buffer.alloc(0) };
}
