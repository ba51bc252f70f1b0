/**
 * Carries ownership between a resource and its `scale` subresource: the Scale's `.spec.replicas` is the resource's replicas field.
 */
import type { ManagedFieldsEntry } from '../meta.ts';
import { difference, hasPath, isEmptySet, setOfPaths } from './field-set.ts';
import type { FieldPath } from './field-set.ts';
import { decodeManagers, encodeManagers } from './managers.ts';
import type { Manager } from './managers.ts';

const SCALE_API_VERSION = 'autoscaling/v1';
const SCALE_REPLICAS: FieldPath = ['f:spec', 'f:replicas'];

/** The replicas field by the resource's API version; null for a version that has no scale. */
export type ReplicasPaths = Readonly<Record<string, FieldPath | null>>;

/** The entries of a Scale, out of its resource's. */
export function scaleEntries(parent: readonly ManagedFieldsEntry[] | undefined, paths: ReplicasPaths): ManagedFieldsEntry[] | undefined {
  const scale = new Map<string, Manager>();
  for (const [identity, manager] of decodeManagers(parent, true)) {
    const path = paths[manager.apiVersion];
    if (path === undefined || path === null || !hasPath(manager.set, path)) continue;
    scale.set(identity, { ...manager, apiVersion: SCALE_API_VERSION, set: setOfPaths(SCALE_REPLICAS) });
  }
  return encodeManagers(scale);
}

/**
 * The entries of the resource after its Scale was written: who lost the replicas there loses them here.
 *
 * An updater is known by its version, which is another in the Scale: it is always written anew, without a time, as upstream does.
 * @param apiVersion of the resource, for entries that are new.
 */
export function parentEntries(parent: readonly ManagedFieldsEntry[] | undefined, scale: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string, paths: ReplicasPaths): ManagedFieldsEntry[] | undefined {
  const parentManagers = decodeManagers(parent, true);
  const scaleManagers = decodeManagers(scale, true);
  const out = new Map<string, Manager>();
  for (const [identity, manager] of parentManagers) {
    const path = paths[manager.apiVersion];
    if (path === undefined) continue;
    const owns = path !== null && hasPath(manager.set, path);
    if (!owns || scaleManagers.delete(identity)) {
      out.set(identity, manager);
      continue;
    }
    const set = difference(manager.set, setOfPaths(path));
    if (!isEmptySet(set)) out.set(identity, { ...manager, set });
  }
  const path = paths[apiVersion];
  for (const [identity, manager] of scaleManagers) {
    if (path === undefined || path === null || !hasPath(manager.set, SCALE_REPLICAS)) continue;
    out.set(identity, { ...manager, apiVersion, set: setOfPaths(path), time: parentManagers.get(identity)?.time });
  }
  return encodeManagers(out);
}
