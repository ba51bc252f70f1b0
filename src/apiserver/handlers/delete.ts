/** DELETE of one object or of a collection. */
import type { Status } from '#machinery/meta';
import { isNotFound, newInvalid, newMethodNotSupported } from '#machinery/status-error';
import { invalid } from '#machinery/field-error';
import type { RequestContext } from '../context.ts';
import { BODY_BYTES_MAX } from '../filters/body.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import { decodeDeleteOptions } from './decode-body.ts';
import { deleteObject } from './delete-object.ts';
import type { HandlerEnvironment } from './environment.ts';
import { listOptions } from './list-options.ts';
import { negotiateOutput, respondList, respondStatus, respondStored } from './respond.ts';
import { checkDeleteOptions, deleteOptionsFromQuery, type DeleteOptions } from './request-options.ts';
import { selectionOf } from './selection.ts';
import { deleteUnreadable, UNSAFE_DELETE_GATE } from './unsafe-delete.ts';

const COLLECTION_PAGE = 10_000;
/** Deletions of one collection under way at once. */
const COLLECTION_WORKERS = 16;

export async function handleDelete(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served);
  const options = await readOptions(env, context);
  checkDeleteOptions(options);
  const { info } = served;
  const namespace = info.namespaced ? context.info.namespace : '';
  if (options.ignoreStoreReadErrorWithClusterBreakingPotential === true) {
    return respondStatus(context.request, await deleteUnreadable(env, context, served, namespace, context.info.name), 200);
  }
  const deletion = await deleteObject(env, context, served, namespace, context.info.name, options);
  if ((!deletion.gone && !deletion.pending) || served.definition.returnDeletedObject === true) {
    const accepted = !deletion.gone && options.orphanDependents === false;
    return respondStored(context, served, output, deletion.stored, accepted ? 202 : 200, env);
  }
  const { metadata } = deletion.object;
  const status: Status = {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success',
    details: { name: metadata.name!, ...(info.group === '' ? {} : { group: info.group }), kind: info.resource, ...(metadata.uid === undefined ? {} : { uid: metadata.uid }) },
  };
  return respondStatus(context.request, status, 200);
}

async function readOptions(env: HandlerEnvironment, context: RequestContext): Promise<DeleteOptions> {
  const body = await context.request.readBody(BODY_BYTES_MAX);
  const unsafe = env.featureEnabled(UNSAFE_DELETE_GATE);
  return body.length > 0 ? decodeDeleteOptions(body, context, unsafe) : deleteOptionsFromQuery(context.info.query, unsafe);
}

export async function handleDeleteCollection(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served, true);
  const { info } = served;
  if (!info.verbs.includes('deletecollection')) throw newMethodNotSupported(info.group, info.resource, 'delete');
  const list = listOptions(context.info.query);
  const namespace = info.namespaced ? context.info.namespace : '';
  const selection = selectionOf(served, { namespace, name: '', labelSelector: list.labelSelector, fieldSelector: list.fieldSelector });
  const options = await readOptions(env, context);
  checkDeleteOptions(options);
  if (options.ignoreStoreReadErrorWithClusterBreakingPotential === true) {
    throw newInvalid('meta.k8s.io', 'DeleteOptions', '', [invalid('ignoreStoreReadErrorWithClusterBreakingPotential', true, 'is not allowed with DELETECOLLECTION, try again after removing the option')]);
  }
  const found = await served.store.list({ selection, limit: list.limit > 0 ? list.limit : COLLECTION_PAGE * 100, continueToken: list.continueToken, revision: undefined }, context.signal);
  const queue = [...found.items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      context.signal.throwIfAborted();
      try {
        await deleteObject(env, context, served, item.namespace, item.name, { ...options });
      } catch (error) {
        if (!isNotFound(error)) { queue.length = 0; throw error; }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(COLLECTION_WORKERS, queue.length) }, work));
  return respondList(context, served, output, found);
}
