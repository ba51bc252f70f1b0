/** Keeps `metadata.managedFields` through the writes: one `FieldManager` per served version and subresource, made on first use. */
import { resourceInfo } from '#api/registry';
import { parseGroupVersion } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import { emptyObject } from '#machinery/managed-fields/empty-object';
import { createFieldManager, withoutNewTimes, type FieldManager } from '#machinery/managed-fields/field-manager';
import { mergeTypeOf, type MergeType } from '#machinery/managed-fields/merge-type';
import type { KindVersions } from '#machinery/managed-fields/updater';
import type { JsonObject } from '#machinery/patch/json-value';
import { nowText, type RequestContext } from '../context.ts';
import { endpointFields } from '../resources/reset-fields.ts';
import type { ServedResource } from '../served-resource.ts';

const managers = new WeakMap<ServedResource, Map<string, FieldManager>>();
const types = new Map<string, MergeType>();

export function fieldManagerOf(served: ServedResource, subresource: string): FieldManager {
  let bySubresource = managers.get(served);
  if (bySubresource === undefined) { bySubresource = new Map(); managers.set(served, bySubresource); }
  let manager = bySubresource.get(subresource);
  if (manager === undefined) {
    const { group, version, kind, type } = served.info;
    manager = createFieldManager({
      group, version, kind, subresource, versions: kindVersions(served, subresource),
      empty: served.custom ? { apiVersion: served.apiVersion, kind } : emptyObject(type, served.resolve),
    });
    bySubresource.set(subresource, manager);
  }
  return manager;
}

function kindVersions(served: ServedResource, subresource: string): KindVersions {
  const hasStatus = served.info.subresources.some((one) => one.name === 'status');
  return {
    type(apiVersion) {
      if (served.mergeType !== undefined) return served.mergeType(apiVersion);
      const gv = parseGroupVersion(apiVersion);
      const info = gv === undefined ? undefined : resourceInfo(gv.group, gv.version, served.info.resource);
      if (info === undefined || info.group !== served.info.group) return undefined;
      let type = types.get(info.type);
      if (type === undefined) { type = mergeTypeOf(info.type, served.resolve); types.set(info.type, type); }
      return type;
    },
    convert: (object, apiVersion) => (served.convertTo === undefined ? { ...object, apiVersion } : served.convertTo(object as unknown as KubeObject, apiVersion) as unknown as JsonObject),
    ...endpointFields(served.info.group, served.info.resource, subresource, hasStatus, served.custom),
  };
}

/** Gives the object the entries it is to be stored with. @returns the object */
export function trackUpdate(served: ServedResource, live: KubeObject | undefined, object: KubeObject, manager: string, subresource: string, context: RequestContext): KubeObject {
  const entries = fieldManagerOf(served, subresource).update({
    live: live as unknown as JsonObject | undefined, object: object as unknown as JsonObject, manager, time: nowText(context),
  });
  if (entries === undefined) delete object.metadata.managedFields; else object.metadata.managedFields = entries;
  return object;
}

/** A write that changes nothing but times in the entries changes nothing. */
export function settleManagedFields(object: KubeObject, old: KubeObject): void {
  const settled = withoutNewTimes(object as unknown as JsonObject, old as unknown as JsonObject) as unknown as KubeObject;
  if (settled.metadata.managedFields !== undefined) object.metadata.managedFields = settled.metadata.managedFields;
}
