/**
 * From request info to the one handler that answers: routes are data (the resource table), not code.
 *
 * What is not there is 404, what is there but not that way 405, both in go-restful's words, as clients know them.
 */
import type { SubresourceInfo } from '#api/registry';
import { newBadRequest, newMethodNotSupported, newNotFound, newStatusError, type StatusError } from '#machinery/status-error';
import { warn, type RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { ResourceTable, TableEntry } from '../resource-table.ts';
import type { ServedResource } from '../served-resource.ts';
import { admitConnection } from './connect-admission.ts';
import type { ConnectRegistry } from './connect-registry.ts';
import { handleCreate } from './create.ts';
import { handleDecision } from './decision.ts';
import { handleDelete, handleDeleteCollection } from './delete.ts';
import type { HandlerEnvironment } from './environment.ts';
import { handleGet } from './get.ts';
import { handleList } from './list.ts';
import { handlePatch } from './patch.ts';
import { handleScale } from './scale.ts';
import { handleUpdate } from './update.ts';
import { handleWatch } from './watch.ts';
import { watchOverWebSocket } from './websocket-answer.ts';

export interface DispatchOptions {
  readonly env: HandlerEnvironment;
  readonly table: ResourceTable;
  readonly connects: ConnectRegistry;
}

/** Kinds whose every use is warned about. */
const DEPRECATIONS: Readonly<Record<string, string>> = {
  '/v1/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  '/v1/componentstatuses': 'v1 ComponentStatus is deprecated in v1.19+',
};

export function notFound(): StatusError {
  return newStatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  return newStatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

/** Resource requests of groups that are served. @throws StatusError */
export async function dispatch(options: DispatchOptions, context: RequestContext): Promise<ApiResponse> {
  const { info, request } = context;
  const entry = options.table.find(info.group, info.version, info.resource);
  if (entry === undefined || info.verb === 'proxy') throw notFound();
  const deprecation = DEPRECATIONS[`${info.group}/${info.version}/${info.resource}`];
  if (deprecation !== undefined && (entry.served !== undefined || request.method === 'GET')) {
    warn(context, deprecation);
    options.env.deprecatedAsked?.(info);
  }
  if (entry.served?.deprecation !== undefined) warn(context, entry.served.deprecation);
  checkScope(entry, context);
  const legacyWatch = info.verb === 'watch' && info.path.startsWith(`${prefixOf(context)}/watch/`);
  if (legacyWatch) {
    if (info.subresource !== '' || !entry.info.verbs.includes('watch')) throw notFound();
    if (request.method !== 'GET') throw methodNotAllowed();
    return watching(options.env, context, entry.served!);
  }
  if (info.subresource !== '') return dispatchSubresource(options, context, entry);
  const decision = request.method === 'POST' && info.name === '' ? options.table.decision(info.group, info.version, info.resource, '') : undefined;
  if (decision !== undefined) return handleDecision(options.env, context, decision);
  const { served } = entry;
  if (onlyCreate(entry) && inPathName(context) !== '') throw notFound();
  if (request.method === 'HEAD') throw methodNotAllowed();
  if (request.upgrade !== undefined && info.verb !== 'watch') throw newBadRequest('this path cannot be upgraded');
  if (served === undefined && entry.info.verbs.includes(info.verb)) {
    const computed = options.connects.find(info.group, info.resource, '');
    if (computed !== undefined && info.subresource === '') return computed.handle(context);
  }
  if (served === undefined || !entry.info.verbs.includes(info.verb)) throw methodNotAllowed();
  return dispatchObject(options.env, context, served);
}

function prefixOf(context: RequestContext): string {
  const { info } = context;
  return info.apiPrefix === 'api' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
}

/** The name in the path; a list by field selector has one in its info only. */
function inPathName(context: RequestContext): string {
  const { info } = context;
  return info.verb === 'list' || info.verb === 'watch' ? '' : info.name;
}

function onlyCreate(entry: TableEntry): boolean {
  return entry.info.verbs.length === 1 && entry.info.verbs[0] === 'create';
}

/** @throws StatusError 404, 405 where the path has a namespace too many or too few. */
function checkScope(entry: TableEntry, context: RequestContext): void {
  const { info } = context;
  const { namespaced, group, resource } = entry.info;
  const isNamespaces = group === '' && resource === 'namespaces';
  if (!namespaced) {
    if (info.namespace !== '' && !isNamespaces) throw notFound();
    return;
  }
  if (info.namespace !== '') return;
  if (inPathName(context) !== '' || info.subresource !== '') throw notFound();
  if (info.verb !== 'list' && info.verb !== 'watch') throw onlyCreate(entry) && !entry.info.verbs.includes('list') ? notFound() : methodNotAllowed();
}

async function watching(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const answer = await handleWatch(env, context, served);
  return context.request.upgrade === undefined ? answer : watchOverWebSocket(context, answer);
}

async function dispatchObject(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const { info } = context;
  const named = inPathName(context) !== '';
  switch (info.verb) {
    case 'get': return handleGet(env, context, served);
    case 'list': return handleList(context, served);
    case 'watch': return watching(env, context, served);
    case 'create':
      if (named) break;
      return handleCreate(env, context, served);
    case 'update':
      if (!named && served.custom) throw newBadRequest('name must be provided');
      if (!named) break;
      return handleUpdate(env, context, served);
    case 'patch': if (!named) break; return handlePatch(env, context, served);
    case 'delete': return handleDelete(env, context, served);
    case 'deletecollection': return handleDeleteCollection(env, context, served);
    default: break;
  }
  throw methodNotAllowed();
}

async function dispatchSubresource(options: DispatchOptions, context: RequestContext, entry: TableEntry): Promise<ApiResponse> {
  const { env, table, connects } = options;
  const { info, request } = context;
  const subresource = entry.info.subresources.find((one) => one.name === info.subresource);
  if (subresource === undefined) {
    if (entry.served?.custom === true) throw newNotFound(info.group, info.resource, info.name);
    throw notFound();
  }
  const connect = connects.find(info.group, info.resource, info.subresource);
  if (info.rest !== '' && info.rest !== '/' && info.subresource !== 'proxy') throw notFound();
  if (connect !== undefined) {
    if (connect.methods.length > 0 && !connect.methods.includes(request.method.toLowerCase())) throw methodNotAllowed();
    await admitConnection(env, context);
    return connect.handle(context);
  }
  if (request.upgrade !== undefined) throw newBadRequest('this path cannot be upgraded');
  const decision = table.decision(info.group, info.version, info.resource, info.subresource);
  if (decision !== undefined) {
    if (request.method !== 'POST') throw methodNotAllowed();
    return handleDecision(env, context, decision);
  }
  // Logs, streams and proxies where nobody serves them: whoever may read those may not therefore read the object.
  if (!isUpdating(subresource)) throw notFound();
  return dispatchUpdating(env, context, entry.served, subresource);
}

/** A part of the object itself, such as its status. */
function isUpdating({ verbs }: SubresourceInfo): boolean { return verbs.includes('update') && !verbs.includes('create'); }

async function dispatchUpdating(env: HandlerEnvironment, context: RequestContext, served: ServedResource | undefined, subresource: SubresourceInfo): Promise<ApiResponse> {
  const { verb } = context.info;
  if (served?.custom === true && !subresource.verbs.includes(verb)) throw newMethodNotSupported(served.info.group, served.info.resource, verb);
  if (served === undefined || context.request.method === 'HEAD' || !subresource.verbs.includes(verb)) throw methodNotAllowed();
  if (subresource.name === 'scale') return handleScale(env, context, served);
  switch (verb) {
    case 'get': return handleGet(env, context, served);
    case 'update': return handleUpdate(env, context, served);
    case 'patch': return handlePatch(env, context, served);
    default: throw methodNotAllowed();
  }
}
