/** Deletes one stored object as its kind and its finalizers ask for. */
import type { KubeObject } from '#machinery/meta';
import { newNotFound } from '#machinery/status-error';
import type { AdmissionAttributes } from '../admission/plugin.ts';
import { warn, type RequestContext } from '../context.ts';
import { asVersion, type ServedResource } from '../served-resource.ts';
import { leaderTermOf } from '../store/leader-fence.ts';
import type { StoredBytes } from '../store/resource-store.ts';
import type { HandlerEnvironment } from './environment.ts';
import { beforeDelete, finalizersForDeletion, markAsDeleting } from './graceful-delete.ts';
import type { DeleteOptions } from './request-options.ts';
import { copy, toStored } from './update-object.ts';

/** Set by the server itself, in its own process. */
export const ADMITTED_HEADER = 'x-kubernode-admitted';
const SERVER_NAME = 'system:apiserver';

export interface Deletion {
  readonly stored: StoredBytes;
  /** The object is gone; false: it is on its way. */
  readonly gone: boolean;
  /** A deletion was under way and this one did not change it. */
  readonly pending: boolean;
  readonly object: KubeObject;
}

/** @throws StatusError */
export async function deleteObject(env: HandlerEnvironment, context: RequestContext, served: ServedResource, namespace: string, name: string, given: DeleteOptions): Promise<Deletion> {
  const { store, info } = served;
  const hooks = env.hooksOf(served);
  const key = store.keyOf(namespace, name);
  const dryRun = (given.dryRun ?? []).length > 0;
  const term = leaderTermOf(context.request);
  let outcome: 'gone' | 'going' | 'pending' | 'gone-after-update' = 'going';
  let object!: KubeObject;
  let stored = await store.update(key, async (storedObject) => {
    if (storedObject === undefined) throw newNotFound(info.group, info.resource, name);
    object = asVersion(served, storedObject);
    const options: DeleteOptions = { ...given };
    const old = copy(object);
    const taken = hooks?.beginDelete?.(object, options, context.nowMs) ?? 'go-on';
    if (taken === 'go-on') outcome = plan(served, object, options, context.nowMs); else outcome = taken === 'put' ? 'going' : 'pending';
    if (outcome === 'pending') return { kind: 'keep' };
    warnOfOrphans(context, served, given);
    await admitDelete(env, context, served, namespace, name, old, given, dryRun);
    return outcome === 'gone' ? { kind: 'delete' } : { kind: 'put', object: toStored(served, copy(object)) };
  }, { dryRun, term });
  // A kind with grace shows its end first, so that watchers see the deletion time.
  if ((outcome as string) === 'gone-after-update' && !dryRun) stored = await store.update(key, (there) => (there === undefined ? { kind: 'keep' } : { kind: 'delete' }), { term }) ?? stored;
  const gone = (outcome as string).startsWith('gone');
  if (gone) await hooks?.afterDelete?.(object, dryRun);
  const last = gone ? { bytes: store.encode(toStored(served, copy(object))), revision: stored!.revision } : stored!;
  return { stored: last, gone, pending: (outcome as string) === 'pending', object };
}

/** Who deletes a job by hand without a word about its pods keeps them, and may not have meant to. */
function warnOfOrphans(context: RequestContext, served: ServedResource, options: DeleteOptions): void {
  if (served.info.kind !== 'Job' || options.propagationPolicy !== undefined || options.orphanDependents !== undefined) return;
  warn(context, 'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning');
}

/** Changes the object as its kind's deletion asks for, and says what becomes of it. */
function plan(served: ServedResource, object: KubeObject, options: DeleteOptions, nowMs: number): 'gone' | 'going' | 'pending' | 'gone-after-update' {
  const { metadata } = object;
  const grace = beforeDelete(served, object, options, nowMs);
  if (grace === 'pending') return 'pending';
  const finalizers = finalizersForDeletion(served.definition, metadata, options);
  if (finalizers !== undefined) metadata.finalizers = finalizers;
  if (metadata.finalizers?.length === 0) delete metadata.finalizers;
  const waits = metadata.finalizers !== undefined;
  if (grace === 'immediate') {
    if (!waits) return 'gone';
    markAsDeleting(metadata, nowMs);
    return 'going';
  }
  return waits || (options.gracePeriodSeconds ?? 0) > 0 ? 'going' : 'gone-after-update';
}

/** The server's own deletions that follow from a request that was admitted say so; of others the word means nothing. */
function isAdmitted({ request }: RequestContext): boolean {
  return request.headers[ADMITTED_HEADER] !== undefined && request.connection.user?.name === SERVER_NAME;
}

async function admitDelete(env: HandlerEnvironment, context: RequestContext, served: ServedResource, namespace: string, name: string, old: KubeObject, options: DeleteOptions, dryRun: boolean): Promise<void> {
  if (isAdmitted(context)) return;
  const attributes: AdmissionAttributes = {
    operation: 'DELETE', info: context.info, user: context.user, definition: served.definition, kind: served.info.kind, name,
    namespace: served.info.resource === 'namespaces' && served.info.group === '' ? name : namespace,
    subresource: context.info.subresource, object: undefined, oldObject: old, options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', ...options }, dryRun,
    warn: (text) => { warn(context, text); },
    annotate: (key, value) => { context.auditAnnotations.set(key, value); },
    get signal() { return context.signal; },
  };
  await env.admission.admit(attributes);
  await env.admission.validate(attributes);
}
