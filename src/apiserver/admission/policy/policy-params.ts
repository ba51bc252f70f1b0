/**
 * The parameters of a binding: objects of the policy's `paramKind`, read from the server's own caches.
 *
 * Texts as upstream's; Go prints the kind in them.
 */
import type { ParamKind, ParamRef } from '#api/generated/admissionregistration/v1';
import { parseGroupVersion } from '#machinery/gvk';
import type { JsonObject } from '#machinery/patch/json-value';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import type { ResourceTable } from '../../resource-table.ts';
import { versionedObject, type ServedResource } from '../../served-resource.ts';
import { selectAll } from '../../store/described.ts';
import { canonical } from '../extension/object-forms.ts';

/** The resource of a kind. @throws Error in upstream's words */
export function paramResource(table: ResourceTable, { apiVersion = '', kind = '' }: ParamKind): ServedResource {
  const gv = parseGroupVersion(apiVersion);
  const found = gv === undefined ? undefined : table.entries(gv.group, gv.version).find(({ info, served }) => served !== undefined && info.kind === kind);
  if (found === undefined) throw new Error(`failed to find resource referenced by paramKind: '${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}'`);
  return found.served!;
}

/** @returns `[null]` where there are none to be had: the policy is evaluated once, without. @throws Error */
export async function collectParams(resource: ServedResource | undefined, ref: ParamRef | undefined, namespace: string, signal: AbortSignal): Promise<readonly (JsonObject | null)[]> {
  if (resource === undefined || ref === undefined) return [null];
  const { info, store } = resource;
  if (!info.namespaced && ref.namespace) throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const place = info.namespaced ? ref.namespace || namespace : '';
  if (info.namespaced && place === '') throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  let params: JsonObject[];
  if (ref.name) {
    const stored = await store.getNotOlder(store.keyOf(place, ref.name), 0, signal);
    params = stored === undefined ? [] : [canonical(versionedObject(resource, stored))];
  } else {
    const requirements = labelSelectorOf(ref.selector);
    const { items } = await store.list({ selection: { ...selectAll(place), everything: false, matches: (object) => labelsMatch(requirements, object.labels) }, limit: 0, continueToken: '', revision: { atLeast: 0 } }, signal);
    params = items.map((item) => canonical(versionedObject(resource, item)));
  }
  if (params.length === 0 && ref.parameterNotFoundAction === 'Deny') throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  return params;
}
