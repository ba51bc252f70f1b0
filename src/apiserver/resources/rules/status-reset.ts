/** The halves of an object that an endpoint may not touch come from the stored one. */
import { semanticEqual } from '#machinery/deep-equal';
import type { KubeObject } from '#machinery/meta';

/** Takes these top-level fields from the stored object. */
export function keepFields<T extends object>(object: T, old: T, ...fields: readonly (keyof T)[]): void {
  for (const field of fields) {
    if (old[field] === undefined) delete object[field];
    else object[field] = old[field];
  }
}

/** One generation further when one of these fields changed. */
export function countChange<T extends KubeObject>(object: T, old: T, ...fields: readonly (keyof T)[]): void {
  if (fields.some((field) => !semanticEqual(object[field], old[field]))) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

/** What a status or spec subresource leaves of the metadata: only what describes the object's storage is the caller's. */
export function keepMetadata(object: KubeObject, old: KubeObject): void {
  keepFields(object.metadata, old.metadata,
    'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'ownerReferences', 'labels', 'annotations', 'finalizers');
}

/** For a status whose endpoint leaves nothing of the metadata but who owns which field. */
export function keepAllMetadata(object: KubeObject, old: KubeObject): void {
  const { managedFields } = object.metadata;
  object.metadata = { ...old.metadata };
  if (managedFields === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = managedFields;
}
