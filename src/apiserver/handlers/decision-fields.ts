/** Who set which fields of a review: part of the answer, though nothing of it is stored. */
import { resolveType } from '#api/registry';
import { encodeJsonText } from '#machinery/codec/json-encode';
import { formatGroupVersion } from '#machinery/gvk';
import { emptyObject } from '#machinery/managed-fields/empty-object';
import { createFieldManager, type FieldManager } from '#machinery/managed-fields/field-manager';
import { mergeTypeOf } from '#machinery/managed-fields/merge-type';
import type { KubeObject, ManagedFieldsEntry } from '#machinery/meta';
import type { JsonObject } from '#machinery/patch/json-value';
import { planOf } from '../codec.ts';
import type { DecisionResource } from '../resources/decision.ts';

const managers = new WeakMap<DecisionResource, FieldManager>();

/** @param answer of the decision: what it found (its status) belongs to nobody. */
export function ownedFields(decision: DecisionResource, answer: KubeObject, manager: string, time: string): ManagedFieldsEntry[] | undefined {
  const { status: _found, ...asked } = answer as KubeObject & { status?: unknown };
  const object = JSON.parse(encodeJsonText(asked, planOf(decision.schema))) as JsonObject;
  return managerOf(decision).update({ live: undefined, object, manager, time });
}

function managerOf(decision: DecisionResource): FieldManager {
  let manager = managers.get(decision);
  if (manager === undefined) {
    const { schema, subresource, kind, bodyGroup: group = decision.group, bodyVersion: version = decision.version } = decision;
    const type = mergeTypeOf(schema, resolveType);
    manager = createFieldManager({
      group, version, kind, subresource, empty: emptyObject(schema, resolveType),
      versions: { type: (apiVersion) => (apiVersion === formatGroupVersion(group, version) ? type : undefined), convert: (object, apiVersion) => ({ ...object, apiVersion }) },
    });
    managers.set(decision, manager);
  }
  return manager;
}
