/** Everything that is no resource: discovery, health, version, metrics, token issuer documents, and what is mounted from elsewhere. */
import { createHash } from 'node:crypto';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import { newNotAcceptable, newStatusError } from '#machinery/status-error';
import { header, indentedJsonResponse, textResponse, type RequestContext } from '../context.ts';
import { encodeForm } from '../handlers/encode-form.ts';
import { methodNotAllowed, notFound } from '../handlers/dispatch.ts';
import { MEDIA_TYPES, formatOf, negotiate } from '../handlers/negotiation.ts';
import { negotiateAccept } from '#machinery/codec/content-type';
import type { ApiResponse } from '../request.ts';
import type { ResourceTable } from '../resource-table.ts';
import { aggregatedEncoder } from './aggregated.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions, groupsInOrder, versionsInOrder } from './documents.ts';
import { healthResponse, type HealthCheck, type HealthEndpoint } from './health.ts';
import { statusPages } from './status-pages.ts';
import { GIT_VERSION, versionDocument, type BuildInfo } from './version.ts';

/** A path (and, when it ends in `/`, all below it) served by another room. */
export interface MountedRoute {
  readonly path: string;
  handle(context: RequestContext): Promise<ApiResponse>;
}

export interface RouteOptions {
  readonly table: ResourceTable;
  readonly checks: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>;
  readonly metrics: MetricsRegistry;
  readonly log: Logger;
  readonly serverAddress: string;
  readonly build: BuildInfo;
  readonly clock: Clock;
  /** What `/flagz` shows. */
  readonly settings: Readonly<Record<string, string>>;
  readonly mounted: readonly MountedRoute[];
}

const DISCOVERY_V2 = 'APIGroupDiscoveryList';

export type Routes = (context: RequestContext) => Promise<ApiResponse>;

export function routes(options: RouteOptions): Routes {
  const { table } = options;
  const pages = statusPages({ ...options, startedMs: options.clock.now(), gitVersion: GIT_VERSION });
  const made = options.metrics.counter({ name: 'aggregator_discovery_aggregation_count_total', help: 'Counter of number of times discovery was aggregated' });
  const alone = options.metrics.counter({ name: 'aggregator_discovery_nopeer_requests_total', help: 'Counter of number of times no-peer (non peer-aggregated) discovery was requested' });
  const encodeAggregated = aggregatedEncoder(table);
  const aggregatedCache = new Map<string, { revision: number; body: Buffer; etag: string }>();

  function discovery(context: RequestContext, core: boolean, document: () => object): ApiResponse {
    const { request } = context;
    if (request.method !== 'GET' && core) throw methodNotAllowed();
    const format = aggregatedFormat(header(request, 'accept'));
    if (format !== undefined) {
      if (format.profile === 'nopeer') alone.inc();
      return aggregatedDocument(context, core, format.format);
    }
    return encodedList(context, document());
  }

  function aggregatedDocument(context: RequestContext, core: boolean, format: 'json' | 'protobuf'): ApiResponse {
    const key = `${core} ${format}`;
    let cached = aggregatedCache.get(key);
    if (cached === undefined || cached.revision !== table.revision) {
      const body = encodeAggregated(format, core);
      made.inc();
      cached = { revision: table.revision, body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
      aggregatedCache.set(key, cached);
    }
    const headers = { 'content-type': `${MEDIA_TYPES[format]};g=apidiscovery.k8s.io;v=v2;as=${DISCOVERY_V2}`, etag: cached.etag, vary: 'Accept', 'cache-control': 'public' };
    if (header(context.request, 'if-none-match') === cached.etag) return { status: 304, headers, body: Buffer.alloc(0) };
    return { status: 200, headers, body: cached.body };
  }

  return async (context) => {
    const { info, request } = context;
    const path = info.path.length > 1 ? info.path.replace(/\/$/, '') : info.path;
    const mounted = options.mounted.find((route) => (route.path.endsWith('/') ? info.path.startsWith(route.path) : route.path === path));
    if (mounted !== undefined) return mounted.handle(context);
    const [, first, second, third] = path.split('/');
    switch (first) {
      case '': return indentedJsonResponse(200, { paths: paths(options) });
      case 'api':
        if (second === undefined) return discovery(context, true, () => apiVersions(options.serverAddress));
        if (third === undefined && table.versions('').includes(second)) return versionDocumentOf(context, '', second);
        throw notFound();
      case 'apis': {
        if (second === undefined) return discovery(context, false, () => apiGroupList(table));
        if (!table.hasGroup(second)) return pageNotFound();
        if (third === undefined) {
          if (request.method === 'HEAD') throw methodNotAllowed();
          return encoded(context, { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(table, second) });
        }
        if (table.versions(second).includes(third)) return versionDocumentOf(context, second, third);
        if (table.isCustomGroup(second)) return pageNotFound();
        throw notFound();
      }
      case 'version':
        if (second !== undefined) return pageNotFound();
        if (negotiateAccept(header(request, 'accept'), { types: [MEDIA_TYPES.json] }) === undefined) throw newStatusError(406, 'NotAcceptable', '406: Not Acceptable\n\nAvailable representations: application/json', {});
        if (request.method !== 'GET') throw methodNotAllowed();
        return indentedJsonResponse(200, versionDocument(options.build));
      case 'livez': case 'readyz': case 'healthz':
        if (info.path.endsWith('/')) return pageNotFound();
        return await healthResponse(first, options.checks[first], path, info.query, options.log) ?? pageNotFound();
      case 'statusz': case 'flagz':
        if (second !== undefined || info.path.endsWith('/')) return pageNotFound();
        return first === 'statusz' ? pages.status(paths(options)) : pages.settings();
      case 'metrics':
        if (second === 'slis' && third === undefined && !info.path.endsWith('/')) return await pages.indicators();
        if (second !== undefined || info.path.endsWith('/')) return pageNotFound();
        return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: Buffer.from(options.metrics.text()) };
      default: return pageNotFound();
    }
  };

  function versionDocumentOf(context: RequestContext, group: string, version: string): ApiResponse {
    if (context.request.method !== 'GET') throw methodNotAllowed();
    return encoded(context, apiResourceList(table, group, version));
  }
}

/** A clause that asks for the aggregated form and can be served wins over plain ones. */
function aggregatedFormat(accept: string): { readonly format: 'json' | 'protobuf'; readonly profile: string } | undefined {
  const wanted = accept.split(',').filter((clause) => clause.includes(`as=${DISCOVERY_V2}`)).join(',');
  if (wanted === '') return undefined;
  const found = negotiateAccept(wanted, { types: [MEDIA_TYPES.json, MEDIA_TYPES.protobuf], allows: (_type, { group, version, kind }) => group === 'apidiscovery.k8s.io' && version === 'v2' && kind === DISCOVERY_V2 });
  if (found?.as === undefined) return undefined;
  return { format: found.type === MEDIA_TYPES.protobuf ? 'protobuf' : 'json', profile: found.profile };
}

/** @throws StatusError 406 */
function encoded(context: RequestContext, document: object): ApiResponse {
  const { format } = negotiate(header(context.request, 'accept'), { shapes: false });
  return { status: 200, headers: { 'content-type': MEDIA_TYPES[format] }, body: encodeForm(format, document, false) };
}

/** `/api` and `/apis` know one text for all that they cannot serve. @throws StatusError 406 */
function encodedList(context: RequestContext, document: object): ApiResponse {
  const found = negotiateAccept(header(context.request, 'accept'), { types: Object.values(MEDIA_TYPES) });
  if (found === undefined) throw newNotAcceptable(Object.values(MEDIA_TYPES));
  const format = formatOf(found.type);
  return { status: 200, headers: { 'content-type': MEDIA_TYPES[format] }, body: encodeForm(format, document, false) };
}

export function pageNotFound(): ApiResponse {
  const response = textResponse(404, '404 page not found\n');
  response.headers['x-content-type-options'] = 'nosniff';
  return response;
}

function paths(options: RouteOptions): string[] {
  const { table } = options;
  const all = new Set(['/api', '/api/v1', '/apis', '/apis/', '/metrics', '/version', '/.well-known/openid-configuration', '/openid/v1/jwks', '/openapi/v2', '/openapi/v3', '/openapi/v3/', '/flagz', '/metrics/slis', '/statusz']);
  for (const group of groupsInOrder(table)) {
    all.add(`/apis/${group}`);
    for (const version of versionsInOrder(table, group)) all.add(`/apis/${group}/${version}`);
  }
  for (const [endpoint, checks] of Object.entries(options.checks)) {
    all.add(`/${endpoint}`);
    for (const check of checks) all.add(`/${endpoint}/${check.name}`);
  }
  return [...all].sort();
}
