/** GET of one object. */
import { newNotFound } from '#machinery/status-error';
import type { RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import type { HandlerEnvironment } from './environment.ts';
import { parseRevision } from './list-options.ts';
import { negotiateOutput, respondStored } from './respond.ts';

export async function handleGet(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served);
  const { info, store } = served;
  const { name, query } = context.info;
  const key = store.keyOf(info.namespaced ? context.info.namespace : '', name);
  const revision = query.size === 0 ? null : query.get('resourceVersion');
  const stored = revision === null || revision === '' ? await store.get(key) : await store.getNotOlder(key, parseRevision(revision), context.signal);
  if (stored === undefined) throw newNotFound(info.group, info.resource, name);
  return respondStored(context, served, output, stored, 200, env);
}
