/**
 * Which owner a claim gets by the retention policy: the garbage collector then removes it at the right time. Pure.
 *
 *     whenDeleted  whenScaled   owner
 *     Retain       Retain       none
 *     Delete       Retain       the set
 *     Retain       Delete       the pod, once it is beyond the replicas
 *     Delete       Delete       the set, or the pod once it is beyond the replicas
 */
import { statefulsets, type StatefulSet } from '#api/generated/apps/v1';
import type { PersistentVolumeClaim, Pod } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { OwnerReference } from '#machinery/meta';
import { controllerReference } from '#semantics/owner-reference';
import { inRange } from './identity.ts';

const POD = { group: '', version: 'v1', kind: 'Pod' };

/** Undefined: they are right, or someone else manages the claim. */
export function changedOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): OwnerReference[] | undefined {
  const current = claim.metadata.ownerReferences ?? [];
  const ofSet = (reference: OwnerReference): boolean => reference.kind === 'StatefulSet' && reference.name === set.metadata.name;
  const ofPod = (reference: OwnerReference): boolean => reference.kind === 'Pod' && reference.name === pod.metadata.name;
  if (hasForeignController(claim, set, pod)) return undefined;
  const policy = set.spec!.persistentVolumeClaimRetentionPolicy;
  const beyond = policy?.whenScaled === 'Delete' && !inRange(set, pod);
  const bySet = policy?.whenDeleted === 'Delete' && !beyond;
  const wanted = current.filter((reference) => !ofSet(reference) && !ofPod(reference));
  if (bySet) wanted.push(controllerReference(set, statefulsets));
  if (beyond && pod.metadata.uid !== undefined) wanted.push(controllerReference(pod, POD));
  return semanticEqual(wanted, current) ? undefined : wanted;
}

export function hasForeignController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  return (claim.metadata.ownerReferences ?? []).some((reference) => reference.controller === true
    && !(reference.kind === 'StatefulSet' && reference.name === set.metadata.name) && !(reference.kind === 'Pod' && reference.name === pod.metadata.name));
}

/** The claim still belongs to an earlier pod of this name and will go with it. */
export function belongsToEarlierPod(claim: PersistentVolumeClaim, pod: Pod): boolean {
  return (claim.metadata.ownerReferences ?? []).some((reference) => reference.kind === 'Pod' && reference.name === pod.metadata.name && reference.uid !== pod.metadata.uid);
}
