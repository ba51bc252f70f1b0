/**
 * `/openapi/v2`, `/openapi/v3` and the documents below it: for GET and HEAD, with ETags, and for ever when asked for by hash.
 */
import { parseMediaType } from '#machinery/codec/content-type';
import { bytesResponse, header, jsonResponse, type RequestContext } from '../context.ts';
import { methodNotAllowed } from '../handlers/dispatch.ts';
import type { MountedRoute } from '../discovery/routes.ts';
import { GIT_VERSION } from '../discovery/version.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { ResourceTable } from '../resource-table.ts';
import { openApiDocuments } from './documents.ts';
import type { CustomDefinitions, PublishedVersion } from './documents.ts';

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
  const { table } = options;
  let published: { readonly revision: number; readonly versions: readonly PublishedVersion[] } | undefined;
  const documents = openApiDocuments({
    serverVersion: GIT_VERSION,
    published: () => {
      if (published?.revision !== table.revision) published = { revision: table.revision, versions: publishedVersions(options) };
      return published.versions;
    },
  });

  async function v2({ request }: RequestContext): Promise<ApiResponse> {
    const type = documentType(header(request, 'accept'), 'v2');
    if (type === undefined) return { status: 406, headers: {}, body: Buffer.alloc(0) };
    const document = await documents.v2();
    const etag = `"${type === JSON_TYPE ? '' : 'P'}${document.hash}"`;
    if (header(request, 'if-none-match') === etag) return notModified(etag);
    return withHeaders(bytesResponse(200, type, type === JSON_TYPE ? document.json : await document.protobuf()), { etag, vary: 'Accept' });
  }

  async function v3({ request, info }: RequestContext): Promise<ApiResponse> {
    const name = info.path.slice(V3_PREFIX.length);
    if (name === '') return jsonResponse(200, documents.index());
    const hash = documents.hashOf(name);
    if (hash === undefined) return { status: 404, headers: {}, body: Buffer.alloc(0) };
    const asked = info.query.get('hash');
    if (asked !== null && asked !== '' && asked !== hash) {
      return { status: 301, headers: { location: `${V3_PREFIX}${name}?hash=${hash}` }, body: Buffer.alloc(0) };
    }
    const type = documentType(header(request, 'accept'), 'v3');
    if (type === undefined) return { status: 406, headers: {}, body: Buffer.alloc(0) };
    const etag = `"${hash}"`;
    if (header(request, 'if-none-match') === etag) return notModified(etag);
    const document = (await documents.v3(name))!;
    const cacheControl: Record<string, string> = asked === hash ? { 'cache-control': 'public, immutable' } : {};
    return withHeaders(bytesResponse(200, type, type === JSON_TYPE ? document.json : await document.protobuf()), { etag, vary: 'Accept', ...cacheControl });
  }

  const forReading = (handle: MountedRoute['handle']): MountedRoute['handle'] => (context) => {
    if (!isRead(context.request)) throw methodNotAllowed();
    return handle(context);
  };
  return [
    { path: '/openapi/v2', handle: forReading(v2) },
    { path: '/openapi/v3', handle: forReading(async () => jsonResponse(200, documents.index())) },
    { path: V3_PREFIX, handle: forReading(v3) },
  ];
}

function publishedVersions({ table, customDefinitions }: OpenApiRouteOptions): PublishedVersion[] {
  const out: PublishedVersion[] = [];
  for (const group of table.groups()) {
    for (const version of table.versions(group)) {
      const entries = table.entries(group, version);
      const resources = entries.map((entry) => entry.info);
      const isCustom = entries.some((entry) => entry.served?.custom === true);
      const custom = isCustom ? customDefinitions?.(group, version) : undefined;
      if (!isCustom) out.push({ group, version, resources });
      else if (custom !== undefined) out.push({ group, version, resources, custom });
    }
  }
  return out;
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

function withHeaders(response: ApiResponse, headers: Record<string, string>): ApiResponse {
  return { ...response, headers: { ...response.headers, ...headers } };
}

function notModified(etag: string): ApiResponse {
  return { status: 304, headers: { etag, vary: 'Accept' }, body: Buffer.alloc(0) };
}
