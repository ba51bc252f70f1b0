/** What every change of an object goes through, whatever its kind: metadata that stays, strategy, validation. */
import { path } from '#machinery/field-error';
import { parseUint64 } from '#machinery/integer';
import type { KubeObject } from '#machinery/meta';
import { newConflict, newInvalid, newUnknownError } from '#machinery/status-error';
import { invalid } from '#machinery/field-error';
import { validateObjectMeta, validateObjectMetaUpdate } from '#machinery/validation/object-meta';
import { warn } from '../context.ts';
import type { Strategy } from '../resources/definition.ts';
import { errorGroup, type ServedResource } from '../served-resource.ts';
import { ensureNamespace, nameFaults } from './before-create.ts';
import type { WriteContext } from './environment.ts';

export const OPTIMISTIC_LOCK_TEXT = 'the object has been modified; please apply your changes to the latest version and try again';

export type UpdateStrategy = Pick<Strategy<KubeObject>, 'prepareForUpdate' | 'validateUpdate' | 'warningsOnUpdate' | 'canonicalize'>;

/** The strategy in force at this subresource; undefined where the resource has none. */
export function updateStrategy(served: ServedResource, subresource: string): UpdateStrategy | undefined {
  const { definition } = served;
  if (subresource === '') return definition.strategy;
  const own = subresource === 'status' ? definition.statusStrategy ?? definition.subresourceStrategies?.['status'] : definition.subresourceStrategies?.[subresource];
  const { canonicalize } = definition.strategy;
  return own === undefined ? undefined : { ...own, ...(canonicalize === undefined ? {} : { canonicalize }) };
}

/** The revision an update was made from. @throws StatusError 500, as upstream */
export function givenRevision(object: KubeObject): number {
  const text = object.metadata.resourceVersion ?? '';
  if (text === '') return 0;
  const value = parseUint64(text);
  if (value !== undefined) return Number(value);
  throw newUnknownError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: ${/^\d+$/.test(text) ? 'value out of range' : 'invalid syntax'}`);
}

/** Sets the object's version to the stored one, or refuses. @throws StatusError 409, 422 */
export function checkRevision(object: KubeObject, current: KubeObject, write: WriteContext): void {
  const { served, name } = write;
  const { info, definition } = served;
  const given = givenRevision(object);
  if (given === 0) {
    if (definition.allowUnconditionalUpdate !== true) {
      throw newInvalid(info.group, info.resource, name, [invalid('metadata.resourceVersion', 0, 'must be specified for an update')]);
    }
    object.metadata.resourceVersion = current.metadata.resourceVersion!;
  } else if (String(given) !== current.metadata.resourceVersion) {
    throw newConflict(info.group, info.resource, name, OPTIMISTIC_LOCK_TEXT);
  }
}

/** @throws StatusError 409: the object was meant to be another one of that name. */
export function checkUid(object: KubeObject, current: KubeObject | undefined, write: WriteContext): void {
  const wanted = object.metadata.uid ?? '';
  if (wanted === '' || current === undefined || current.metadata.uid === wanted) return;
  const { info, store } = write.served;
  const key = store.keyOf(write.namespace, write.name);
  // A dry run does not come as far as to the place where all keys begin.
  const shownKey = write.options.dryRun ? key.replace(/^\/registry/, '') : key;
  throw newConflict(info.group, info.resource, write.name,
    `StorageError: invalid object, Code: 4, Key: ${shownKey}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${current.metadata.uid ?? ''}`);
}

/** Brings the object into the form it is stored in. @throws StatusError */
export function beforeUpdate(object: KubeObject, old: KubeObject, strategy: UpdateStrategy, write: WriteContext): void {
  const { served, strategyContext } = write;
  const { definition, info } = served;
  const { metadata } = object;
  ensureNamespace(metadata, write.namespace);
  if (old.metadata.generation === undefined) delete metadata.generation; else metadata.generation = old.metadata.generation;
  strategy.prepareForUpdate?.(object, old, strategyContext);
  if (!metadata.uid) metadata.uid = old.metadata.uid!;
  if (old.metadata.creationTimestamp) metadata.creationTimestamp = old.metadata.creationTimestamp;
  if (old.metadata.deletionTimestamp) metadata.deletionTimestamp = old.metadata.deletionTimestamp;
  if (old.metadata.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined) metadata.deletionGracePeriodSeconds = old.metadata.deletionGracePeriodSeconds;
  const errors = [
    ...validateObjectMeta(metadata, info.namespaced, nameFaults(definition.nameRule), path('metadata')),
    ...validateObjectMetaUpdate(metadata, old.metadata, path('metadata')),
    ...strategy.validateUpdate?.(object, old, strategyContext) ?? [],
  ];
  if (errors.length > 0) throw newInvalid(errorGroup(served), info.kind, metadata.name ?? '', errors);
  for (const text of strategy.warningsOnUpdate?.(object, old, strategyContext) ?? []) warn(write.request, text);
  strategy.canonicalize?.(object);
}

/** An object whose last finalizer went while it was being deleted is gone with this write. */
export function deletedByUpdate(object: KubeObject, old: KubeObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return false;
  if (!old.metadata.deletionTimestamp) return false;
  return (old.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}
