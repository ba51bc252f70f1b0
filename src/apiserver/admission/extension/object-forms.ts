/**
 * The objects of a write as others see them: in which versions they are served, as canonical JSON of one, and back.
 *
 * Versions are equivalent that show the same stored objects. Kinds that are not stored (evictions, bindings, options) have one form.
 */
import { typeForKind } from '#api/registry';
import { canonicalObject } from '#machinery/codec/canonical-object';
import { formatGroupVersion, parseGroupVersion, type GroupVersionKind } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import type { JsonObject } from '#machinery/patch/json-value';
import { newUnknownError } from '#machinery/status-error';
import { planOf, serializer } from '../../codec.ts';
import type { ResourceTable } from '../../resource-table.ts';
import type { ServedResource } from '../../served-resource.ts';
import type { AdmissionAttributes } from '../plugin.ts';
import type { GroupVersionResource } from './match-rules.ts';

export interface Equivalent { readonly resource: GroupVersionResource; readonly kind: GroupVersionKind }

/** Group, version and kind of what is written. */
export function kindOf({ object, oldObject, kind, info }: AdmissionAttributes): GroupVersionKind {
  const gv = parseGroupVersion((object ?? oldObject)?.apiVersion ?? '');
  return { group: gv?.group ?? info.group, version: gv?.version ?? info.version, kind };
}

export function resourceOf({ info }: AdmissionAttributes): GroupVersionResource {
  return { group: info.group, version: info.version, resource: info.resource };
}

/** What was found, until the table changes. */
const found = new WeakMap<ResourceTable, { readonly revision: number; readonly byResource: Map<string, readonly Equivalent[]> }>();

/** The other versions of the resource, in the order they were registered. */
export function equivalentsOf(table: ResourceTable, { info, subresource }: AdmissionAttributes): readonly Equivalent[] {
  let known = found.get(table);
  if (known?.revision !== table.revision) found.set(table, known = { revision: table.revision, byResource: new Map() });
  const key = `${info.group}/${info.version}/${info.resource}/${subresource}`;
  let equivalents = known.byResource.get(key);
  if (equivalents === undefined) known.byResource.set(key, equivalents = findEquivalents(table, resourceKey(info), subresource));
  return equivalents;
}

function resourceKey({ group, version, resource }: GroupVersionResource): GroupVersionResource { return { group, version, resource }; }

function findEquivalents(table: ResourceTable, { group, version, resource: name }: GroupVersionResource, subresource: string): Equivalent[] {
  const own = table.find(group, version, name)?.served;
  if (own === undefined) return [];
  const equivalents: Equivalent[] = [];
  for (const { info: other, store } of table.served()) {
    if (store.prefix !== own.store.prefix || (other.group === group && other.version === version)) continue;
    const resource = { group: other.group, version: other.version, resource: other.resource };
    const sub = other.subresources.find((one) => one.name === subresource);
    if (subresource !== '' && sub === undefined) continue;
    const isOther = sub !== undefined && sub.kind !== other.kind;
    equivalents.push({ resource, kind: { kind: sub?.kind ?? other.kind, group: isOther ? sub.group ?? other.group : other.group, version: isOther ? sub.version ?? other.version : other.version } });
  }
  return equivalents;
}

/** The object as JSON of that kind. Shares nothing that changes. @throws StatusError, Error where conversion fails */
export async function shown(table: ResourceTable, attributes: AdmissionAttributes, object: KubeObject, kind: GroupVersionKind): Promise<JsonObject> {
  const apiVersion = formatGroupVersion(kind.group, kind.version);
  return canonical(await converted(table, attributes, object, apiVersion));
}

export function canonical(object: KubeObject): JsonObject {
  const type = typeForKind(object.apiVersion ?? '', object.kind ?? '');
  return (type === undefined ? structuredClone(object) : canonicalObject(object as unknown as Record<string, unknown>, planOf(type.name))) as unknown as JsonObject;
}

async function converted(table: ResourceTable, attributes: AdmissionAttributes, object: KubeObject, apiVersion: string): Promise<KubeObject> {
  if (object.apiVersion === apiVersion) return object;
  const served = servedAs(table, attributes, object.apiVersion ?? '');
  const convert = served?.convertTo;
  if (convert === undefined) return object;
  const run = (): KubeObject => convert(structuredClone(object), apiVersion);
  return served!.settled === undefined ? run() : served!.settled(run, attributes.signal);
}

function servedAs(table: ResourceTable, { info }: AdmissionAttributes, apiVersion: string): ServedResource | undefined {
  const gv = parseGroupVersion(apiVersion);
  return gv === undefined ? undefined : table.find(gv.group, gv.version, info.resource)?.served;
}

/**
 * Takes an object that came back in some version: decoded and defaulted there.
 * @returns it, canonical before defaults, and as an object of the request's version. @throws DecodeError, StatusError
 */
export async function accepted(table: ResourceTable, attributes: AdmissionAttributes, value: JsonObject, kind: GroupVersionKind): Promise<{ readonly before: JsonObject; readonly object: KubeObject }> {
  const apiVersion = formatGroupVersion(kind.group, kind.version);
  const type = typeForKind(apiVersion, kind.kind);
  const served = servedAs(table, attributes, apiVersion);
  const isMain = served !== undefined && served.info.kind === kind.kind;
  if (type !== undefined && (value['kind'] !== kind.kind || value['apiVersion'] !== apiVersion)) throw newUnknownError(anotherKind(value, kind));
  let object: KubeObject;
  if (isMain && served.decodePatched !== undefined) object = served.decodePatched(value, false).object;
  else if (type !== undefined) object = { ...serializer.canonicalize(value, type).object, apiVersion, kind: kind.kind } as unknown as KubeObject;
  else object = value as unknown as KubeObject;
  object.metadata ??= {};
  const before = canonical(object);
  if (isMain) served.definition.strategy.defaults?.(object);
  const own = attributes.object?.apiVersion ?? apiVersion;
  return { before, object: await converted(table, attributes, object, own) };
}

function anotherKind(value: JsonObject, { group, kind }: GroupVersionKind): string {
  const version = String(value['apiVersion']);
  return `converting (${version.slice(version.indexOf('/') + 1)}.${String(value['kind'])}) to (${group === '' ? 'core' : group.replace(/\..*$/, '')}.${kind}): unknown conversion`;
}

/** The object becomes the other, for all who hold it. */
export function replaceContent(target: KubeObject, source: KubeObject): void {
  const content = target as unknown as Record<string, unknown>;
  for (const key of Object.keys(content)) delete content[key];
  Object.assign(content, source);
}
