/** Keeps `metadata.managedFields` through the writes: one `FieldManager` per served version and subresource, made on first use. */
import { resourceInfo, typeForKind } from '#api/registry';
import { parseGroupVersion } from '#machinery/gvk';
import { canonicalObject } from '#machinery/codec/canonical-object';
import type { TypePlan } from '#machinery/codec/type-plan';
import type { KubeObject } from '#machinery/meta';
import { emptyObject } from '#machinery/managed-fields/empty-object';
import { createFieldManager, withoutNewTimes, type FieldManager } from '#machinery/managed-fields/field-manager';
import { mergeTypeOf, type MergeType } from '#machinery/managed-fields/merge-type';
import type { KindVersions } from '#machinery/managed-fields/updater';
import type { JsonObject } from '#machinery/patch/json-value';
import { planOf } from '../codec.ts';
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
    convert: (object, apiVersion) => convertForm(served, object, apiVersion),
    ...endpointFields(served.info.group, served.info.resource, subresource, hasStatus, served.custom),
  };
}

function convertForm(served: ServedResource, object: JsonObject, apiVersion: string): JsonObject {
  if (served.convertTo === undefined || apiVersion === object['apiVersion']) return { ...object, apiVersion };
  const converted = served.convertTo(object as unknown as KubeObject, apiVersion);
  const type = typeForKind(apiVersion, served.info.kind);
  return canonicalForm(type === undefined ? undefined : planOf(type.name), converted);
}

/** The object with all that is serialised even when empty: ownership is of what is written. */
export function canonicalForm(plan: TypePlan | undefined, object: KubeObject): JsonObject {
  if (plan === undefined) return object as unknown as JsonObject;
  const form = canonicalObject(object as unknown as Record<string, unknown>, plan) as JsonObject;
  if (object.metadata.managedFields?.length === 0) (form['metadata'] as JsonObject)['managedFields'] = [];
  return form;
}

/** Gives the object the entries it is to be stored with. @returns the object */
export function trackUpdate(served: ServedResource, live: KubeObject | undefined, object: KubeObject, manager: string, subresource: string, context: RequestContext): KubeObject {
  const entries = fieldManagerOf(served, subresource).update({
    live: live as unknown as JsonObject | undefined, object: canonicalForm(served.custom ? undefined : planOf(served.info.type), object), manager, time: nowText(context),
  });
  if (entries === undefined) delete object.metadata.managedFields; else object.metadata.managedFields = entries;
  return object;
}

/** Runs what may need the object in versions that must be asked for elsewhere. */
export function withVersions<T>(served: ServedResource, context: RequestContext, run: () => T): Promise<T> | T {
  return served.settled === undefined ? run() : served.settled(run, context.signal);
}

/** A write that changes nothing but times in the entries changes nothing. */
export function settleManagedFields(object: KubeObject, old: KubeObject): void {
  const settled = withoutNewTimes(object as unknown as JsonObject, old as unknown as JsonObject) as unknown as KubeObject;
  if (settled.metadata.managedFields !== undefined) object.metadata.managedFields = settled.metadata.managedFields;
}
