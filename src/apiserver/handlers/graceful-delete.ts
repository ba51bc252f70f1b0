/**
 * What a DELETE makes of an object: nothing more, an object that is on its way out, or its removal.
 *
 *     graceful (pods): deletionTimestamp and grace are set, the kubelet deletes again with grace 0
 *     finalizers (own, orphan, foregroundDeletion): deletionTimestamp is set, whoever clears the last one removes it
 *     otherwise: removed at once
 */
import { rfc3339 } from '#base/clock';
import type { KubeObject, ObjectMeta } from '#machinery/meta';
import { newConflict } from '#machinery/status-error';
import type { ResourceDefinition } from '../resources/definition.ts';
import type { ServedResource } from '../served-resource.ts';
import { checkDeleteOptions, type DeleteOptions } from './request-options.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** `pending`: a graceful deletion is under way and this request does not shorten it. */
export type Grace = 'graceful' | 'pending' | 'immediate';

/** @throws StatusError 409, 422 */
export function checkPreconditions(served: ServedResource, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = object;
  const { group, kind } = served.info;
  if (uid !== undefined && uid !== metadata.uid) {
    throw newConflict(group, kind, metadata.name ?? '', `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid ?? ''}). The object might have been deleted and then recreated`);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw newConflict(group, kind, metadata.name ?? '', `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion ?? ''}). The object might have been modified`);
  }
}

/** Sets deletion time and grace where the kind has graceful deletion; may settle `options.gracePeriodSeconds`. */
export function beforeDelete(served: ServedResource, object: KubeObject, options: DeleteOptions, nowMs: number): Grace {
  checkDeleteOptions(options);
  checkPreconditions(served, object, options);
  const { metadata } = object;
  if (options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0) options.gracePeriodSeconds = 1;
  if (metadata.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds < 0) metadata.deletionGracePeriodSeconds = 1;
  const { deletionGraceSeconds } = served.definition;
  if (deletionGraceSeconds === undefined) return 'immediate';
  if (metadata.deletionTimestamp) return shortenGrace(metadata, options, nowMs);
  const graceSeconds = deletionGraceSeconds.call(served.definition, object, options.gracePeriodSeconds);
  options.gracePeriodSeconds = graceSeconds;
  metadata.deletionTimestamp = rfc3339(nowMs + graceSeconds * 1000);
  metadata.deletionGracePeriodSeconds = graceSeconds;
  bumpGeneration(metadata);
  return 'graceful';
}

function shortenGrace(metadata: ObjectMeta, options: DeleteOptions, nowMs: number): Grace {
  const current = metadata.deletionGracePeriodSeconds ?? 0;
  if (current === 0) return 'immediate';
  let period = options.gracePeriodSeconds;
  if (period === undefined) {
    options.gracePeriodSeconds = current;
    return 'pending';
  }
  if (period >= current) return 'pending';
  let atMs = Date.parse(metadata.deletionTimestamp!) - current * 1000 + period * 1000;
  if (atMs < nowMs) {
    atMs = nowMs;
    if (period !== 0) period = 1;
  }
  metadata.deletionTimestamp = rfc3339(atMs);
  metadata.deletionGracePeriodSeconds = period;
  return 'graceful';
}

function bumpGeneration(metadata: ObjectMeta): void {
  if ((metadata.generation ?? 0) > 0) metadata.generation = metadata.generation! + 1;
}

/** For kinds without grace that still have finalizers. */
export function markAsDeleting(metadata: ObjectMeta, nowMs: number): void {
  if (!metadata.deletionTimestamp) bumpGeneration(metadata);
  if (!metadata.deletionTimestamp || Date.parse(metadata.deletionTimestamp) > nowMs) metadata.deletionTimestamp = rfc3339(nowMs);
  metadata.deletionGracePeriodSeconds = 0;
}

/** The finalizers the garbage collector is to clear, beside the object's own; undefined when nothing changes. */
export function finalizersForDeletion(definition: ResourceDefinition, metadata: ObjectMeta, options: DeleteOptions): string[] | undefined {
  const current = metadata.finalizers ?? [];
  const next = current.filter((one) => one !== ORPHAN && one !== FOREGROUND);
  const policy = propagation(definition, current, options);
  if (policy === 'Orphan') next.push(ORPHAN);
  if (policy === 'Foreground') next.push(FOREGROUND);
  return next.length === current.length && next.every((one) => current.includes(one)) ? undefined : next;
}

function propagation(definition: ResourceDefinition, finalizers: readonly string[], options: DeleteOptions): string {
  if (definition.garbageCollected === false) return 'Background';
  if (options.orphanDependents !== undefined) return options.orphanDependents ? 'Orphan' : 'Background';
  if (options.propagationPolicy !== undefined) return options.propagationPolicy;
  for (const one of finalizers) {
    if (one === ORPHAN) return 'Orphan';
    if (one === FOREGROUND) return 'Foreground';
  }
  return definition.defaultPropagation ?? 'Background';
}
