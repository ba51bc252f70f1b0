/**
 * The `proxy` subresources of nodes, pods and services: HTTP passed on to where they point.
 *
 *     …/pods/[scheme:]name[:port]/proxy/path        → the pod's address
 *     …/services/[scheme:]name[:port]/proxy/path    → one ready endpoint
 *     …/nodes/[scheme:]name[:port]/proxy/path       → the kubelet
 *
 * The caller's credentials are never passed on; its address is, as X-Forwarded-For. Redirects of the backend are answered as they are;
 * their location and the links of pages are put below the proxy path again.
 */
import { posix } from 'node:path';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import { endpointslices } from '#api/generated/discovery/v1';
import { services } from '#api/generated/core/v1';
import type { Random } from '#base/random';
import { newBadRequest, newServiceUnavailable, newInternalError } from '#machinery/status-error';
import { tunnelUpgrade } from '#wire/upgrade-tunnel';
import { header, type RequestContext } from '../context.ts';
import type { ConnectHandler } from '../handlers/connect-registry.ts';
import type { ApiResponse, RequestInfo } from '../request.ts';
import { askBackend, streamedResponse, type Backend } from './backend-request.ts';
import { kubeletOfNode, readPod, type ProxyDependencies } from './kubelet-endpoint.ts';
import { rewriteLink, rewritePage, type LinkBase } from './page-links.ts';

const BODY_BYTES_MAX = 64 * 1024 * 1024;
const DROPPED = new Set(['authorization', 'connection', 'host', 'content-length', 'transfer-encoding', 'upgrade', 'keep-alive', 'te', 'trailer', 'proxy-authorization']);
const DROPPED_PREFIXES = ['impersonate-', 'x-remote-', ':'];

export interface ProxyTarget { readonly scheme: string; readonly name: string; readonly port: string }

/** `https:web:443` → its parts. @throws StatusError 400 */
export function splitTarget(id: string): ProxyTarget {
  const parts = id.split(':');
  if (parts.length === 1) return { scheme: '', name: parts[0]!, port: '' };
  if (parts.length === 2) return { scheme: '', name: parts[0]!, port: parts[1]! };
  const [scheme, name, port] = parts as [string, string, string];
  if (parts.length === 3 && (scheme === 'http' || scheme === 'https' || scheme === '')) return { scheme, name, port };
  throw newBadRequest(`invalid proxy request ${JSON.stringify(id)}`);
}

export function proxyHandlers(dependencies: ProxyDependencies, random: Random): ConnectHandler[] {
  const handler = (resource: string, locate: (info: RequestInfo, signal: AbortSignal) => Promise<Backend>): ConnectHandler => ({
    group: '', resource, subresource: 'proxy', methods: [],
    async handle(context) { return pass(context, await locate(context.info, context.signal)); },
  });
  return [
    handler('nodes', (info, signal) => locateNode(info, dependencies, signal)),
    handler('pods', (info, signal) => locatePod(info, dependencies, signal)),
    handler('services', (info, signal) => locateService(info, dependencies, random, signal)),
  ];
}

async function locateNode(info: RequestInfo, dependencies: ProxyDependencies, signal: AbortSignal): Promise<Backend> {
  const target = splitTarget(info.name);
  const kubelet = await kubeletOfNode(target.name, dependencies, signal);
  if (target.port === '' || Number(target.port) === kubelet.port) return kubelet;
  return { host: kubelet.host, port: Number(target.port), ...(target.scheme === 'https' ? { tls: { rejectUnauthorized: false } } : {}) };
}

async function locatePod(info: RequestInfo, dependencies: ProxyDependencies, signal: AbortSignal): Promise<Backend> {
  const target = splitTarget(info.name);
  const pod = await readPod(info.namespace, target.name, dependencies, signal);
  const ip = pod.status?.podIP ?? '';
  if (ip === '') throw newBadRequest('address not allowed');
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const port = target.port === '' ? ports[0]?.containerPort : ports.find((candidate) => candidate.name === target.port)?.containerPort ?? Number(target.port);
  // A pod always may have an untrusted certificate of its own: the API server cannot know its authority.
  return { host: ip, port: port ?? (target.scheme === 'https' ? 443 : 80), ...(target.scheme === 'https' ? { tls: { rejectUnauthorized: false } } : {}) };
}

async function locateService(info: RequestInfo, dependencies: ProxyDependencies, random: Random, signal: AbortSignal): Promise<Backend> {
  const target = splitTarget(info.name);
  const service = await dependencies.client.for(services, info.namespace).get(target.name, { signal });
  const ports = service.spec?.ports ?? [];
  const port = target.port === '' ? (ports.length === 1 ? ports[0] : undefined)
    : ports.find((candidate) => candidate.name === target.port) ?? ports.find((candidate) => String(candidate.port) === target.port);
  if (port === undefined && target.port !== '') throw newServiceUnavailable(`no service port ${JSON.stringify(target.port)} found for service ${JSON.stringify(target.name)}`);
  const { items } = await dependencies.client.for(endpointslices, info.namespace).list({ labelSelector: `kubernetes.io/service-name=${target.name}`, signal });
  const candidates = items.flatMap((slice) => readyAddresses(slice, port?.name ?? ''));
  if (candidates.length === 0) throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(info.name)}`);
  const chosen = candidates[random.integer(candidates.length)]!;
  return { ...chosen, ...(target.scheme === 'https' ? { tls: { rejectUnauthorized: false } } : {}) };
}

function readyAddresses(slice: EndpointSlice, portName: string): { host: string; port: number }[] {
  const port = slice.ports?.find((candidate) => (candidate.name ?? '') === portName)?.port;
  if (port === undefined) return [];
  return (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false).flatMap((endpoint) => endpoint.addresses.map((host) => ({ host, port })));
}

async function pass(context: RequestContext, backend: Backend): Promise<ApiResponse> {
  const { info, request, signal } = context;
  const query = request.target.includes('?') ? request.target.slice(request.target.indexOf('?')) : '';
  const rest = info.rest === '' || info.rest.startsWith('/') ? info.rest : `/${info.rest}`;
  if (rest === '' && !request.target.split('?')[0]!.endsWith('/') && ['GET', 'HEAD'].includes(request.method.toUpperCase())) {
    // Relative links of the backend's pages need the final slash.
    return { status: 301, headers: { location: `${request.target.split('?')[0]}/${query}` }, body: Buffer.alloc(0) };
  }
  const path = `${rest === '' ? '/' : rest}${query}`;
  const prefix = request.target.split('?')[0]!.slice(0, request.target.split('?')[0]!.length - rest.length);
  const headers = passedHeaders(request.headers, request.connection.remoteAddress, `${backend.host}:${backend.port}`);
  headers['x-forwarded-uri'] = posix.join(prefix, rest === '' ? '/' : rest);
  if (request.upgrade !== undefined) {
    try {
      await tunnelUpgrade({ host: backend.host, port: backend.port, method: request.method, path, ...(backend.tls === undefined ? {} : { tls: backend.tls }) }, request.headers, request.upgrade.socket, request.upgrade.head, signal);
    } catch (error) {
      throw newInternalError(new Error(`error dialing backend: ${(error as Error).message}`));
    }
    return { status: 101, headers: {}, body: Buffer.alloc(0), hijacked: true };
  }
  const hasBody = !['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(request.method.toUpperCase()) || request.headers['content-length'] !== undefined;
  const body = hasBody ? await request.readBody(BODY_BYTES_MAX) : undefined;
  try {
    const answer = streamedResponse(await askBackend(backend, { method: request.method, path, headers, ...(body === undefined ? {} : { body }) }, signal));
    return withLinks(answer, { prefix, backendHost: `${backend.host}:${backend.port}`, requestHost: header(request, ':authority') || header(request, 'host') });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw newServiceUnavailable(`error trying to reach service: ${(error as Error).message}`);
  }
}

/** A redirect or a page leads to below the proxy's path again. */
function withLinks(answer: ApiResponse, base: LinkBase): ApiResponse {
  const { headers } = answer;
  const location = headers['location'];
  if (typeof location === 'string') return { ...answer, headers: { ...headers, location: rewriteLink(location, base) } };
  if (String(headers['content-type'] ?? '').split(';')[0]!.trim() !== 'text/html' || Buffer.isBuffer(answer.body)) return answer;
  const body = rewritePage(answer.body, String(headers['content-encoding'] ?? ''), base);
  if (body === undefined) return answer;
  const { 'content-length': _length, ...others } = headers;
  return { ...answer, headers: others, body };
}

function passedHeaders(headers: Readonly<Record<string, string | string[] | undefined>>, remoteAddress: string, host: string): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = { host };
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || DROPPED.has(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    passed[name] = value;
  }
  const before = headers['x-forwarded-for'];
  passed['x-forwarded-for'] = before === undefined ? remoteAddress : `${String(before)}, ${remoteAddress}`;
  return passed;
}
