/** Owner references: who owns an object, who manages it. */
import { formatGroupVersion } from '#machinery/gvk';
import type { KubeObject, OwnerReference, ResourceType } from '#machinery/meta';

/** The reference with `controller: true`; at most one exists. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** A reference that makes `owner` the managing controller of what carries it. */
export function controllerReference(owner: KubeObject, type: Pick<ResourceType, 'group' | 'version' | 'kind'>): OwnerReference {
  return {
    apiVersion: formatGroupVersion(type.group, type.version), kind: type.kind, name: owner.metadata.name!, uid: owner.metadata.uid!,
    controller: true, blockOwnerDeletion: true,
  };
}
