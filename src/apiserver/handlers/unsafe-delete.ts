/**
 * Removes an object that cannot be read any more (damaged, or no object of its kind), unseen: without preconditions, finalizers
 * and admission. Only behind its feature gate, only for who may `unsafe-delete-ignore-read-errors`, only what is unreadable.
 */
import { invalid } from '#machinery/field-error';
import type { Status } from '#machinery/meta';
import { newForbidden, newInvalid } from '#machinery/status-error';
import type { RequestContext } from '../context.ts';
import type { ServedResource } from '../served-resource.ts';
import type { HandlerEnvironment } from './environment.ts';

export const UNSAFE_DELETE_GATE = 'AllowUnsafeMalformedObjectDeletion';
const VERB = 'unsafe-delete-ignore-read-errors';

/** @throws StatusError 403, 422 */
export async function deleteUnreadable(env: HandlerEnvironment, context: RequestContext, served: ServedResource, namespace: string, name: string): Promise<Status> {
  const { info, store } = served;
  const { group, version, resource } = info;
  const { decision, reason } = await env.authorizer.authorize({ user: context.user, verb: VERB, namespace, group, version, resource, subresource: '', name, isResourceRequest: true, path: '' });
  if (decision !== 'allow') throw newForbidden(group, resource, name, `not permitted to do ${JSON.stringify(VERB)}, reason: ${reason}`);
  if (await store.removeUnreadable(store.keyOf(namespace, name)) !== 'removed') {
    throw newInvalid(group, resource, name, [invalid('ignoreStoreReadErrorWithClusterBreakingPotential', true, 'is exclusively used to delete corrupt object(s), try again by removing this option')]);
  }
  env.log.warn('An unreadable object was deleted', { resource, namespace, name, user: context.user.name });
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name, kind: info.kind }, code: 200 };
}
