/**
 * What the API knows: every built-in type and resource of v1.36, found by name or by apiVersion and kind.
 *
 * The schema texts are parsed on first use, one group version at a time, so that a process pays only for what it touches.
 * Custom resources are not here: the API server has its own registry of those.
 */
import { RESOURCES_TEXT, SCHEMA_TEXT } from './generated/schema-text.ts';
import { parseGroupVersion } from '#machinery/gvk';
import type { SchemaResolver, TypeSchema } from '#machinery/schema/model';
import { parseSchema } from '#machinery/schema/parse';

export interface SubresourceInfo {
  /** `status`, `scale`, `log` … */
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  /** Where the kind is of another group version than the resource: `autoscaling`, `v1`. */
  readonly group: string | undefined;
  readonly version: string | undefined;
}

export interface ResourceInfo {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `pods`. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  /** Name of the type: `core/v1.Pod`. */
  readonly type: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubresourceInfo[];
}

export interface GroupVersionInfo {
  readonly group: string;
  readonly version: string;
  /** Folder of the schema: `core`, `rbac`. */
  readonly dir: string;
  readonly resources: readonly ResourceInfo[];
}

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** meta.k8s.io kinds that stand in every group version, as clients send and expect them. */
const EVERYWHERE: ReadonlySet<string> = new Set(['CreateOptions', 'DeleteOptions', 'GetOptions', 'ListOptions', 'PatchOptions', 'UpdateOptions', 'WatchEvent']);
/** The same of `v1` alone. */
const IN_CORE: ReadonlySet<string> = new Set(['APIGroup', 'APIGroupList', 'APIResourceList', 'APIVersions', 'Status']);

const parsed = new Map<string, Map<string, TypeSchema>>();
let groupVersions: readonly GroupVersionInfo[] | undefined;
let dirs: ReadonlyMap<string, string> | undefined;

/** The types of one folder and version, such as `core/v1`; empty when there is none. */
export function typesOf(groupVersion: string): ReadonlyMap<string, TypeSchema> {
  let types = parsed.get(groupVersion);
  if (types === undefined) {
    const text = Object.hasOwn(SCHEMA_TEXT, groupVersion) ? SCHEMA_TEXT[groupVersion]! : '';
    types = parseSchema(groupVersion, text);
    if (text !== '') parsed.set(groupVersion, types);
  }
  return types;
}

/** `core/v1.PodSpec` → its schema. */
export const resolveType: SchemaResolver = (name) => typesOf(name.slice(0, name.indexOf('.'))).get(name);

/** In upstream's order of groups; versions of a group best first; resources by name. Built-in ones only. */
export function allGroupVersions(): readonly GroupVersionInfo[] {
  groupVersions ??= parseResources(RESOURCES_TEXT);
  return groupVersions;
}

export function resources(): readonly ResourceInfo[] {
  return allGroupVersions().flatMap((info) => info.resources);
}

export function resourceInfo(group: string, version: string, resource: string): ResourceInfo | undefined {
  return allGroupVersions().find((info) => info.group === group && info.version === version)?.resources.find((info) => info.resource === resource);
}

/** Alpha and beta versions are off unless asked for. */
export function isStableVersion(version: string): boolean {
  return /^v\d+$/.test(version);
}

/** The schema folder of an API group (`rbac` for `rbac.authorization.k8s.io`); undefined for groups that are not built in. */
function schemaDirOf(group: string): string | undefined {
  if (dirs === undefined) {
    dirs = new Map([...allGroupVersions().map((info): [string, string] => [info.group, info.dir]), ['meta.k8s.io', 'meta'], ['apidiscovery.k8s.io', 'apidiscovery']]);
  }
  return dirs.get(group);
}

/** The type of an object by what it says of itself; undefined when unknown. Kinds without a resource (Status, Scale, lists) too. */
export function typeForKind(apiVersion: string, kind: string): TypeSchema | undefined {
  const gv = parseGroupVersion(apiVersion);
  const dir = gv && schemaDirOf(gv.group);
  if (gv === undefined || dir === undefined) return undefined;
  const type = resolveType(`${dir}/${gv.version}.${kind}`);
  if (type !== undefined && (type.isKind || dir === 'meta')) return type;
  if (EVERYWHERE.has(kind) || (apiVersion === 'v1' && IN_CORE.has(kind))) return resolveType(`meta/v1.${kind}`);
  return undefined;
}

/** Whether upstream stores the type as JSON, in which `[]` is not null, or not at all; the others go through protobuf there. */
export function keepsEmptyLists(typeName: string): boolean {
  return /^(?:apiextensions|apiregistration|authentication|authorization|meta|apidiscovery|version)\//.test(typeName);
}

function parseResources(text: string): GroupVersionInfo[] {
  const out: { group: string; version: string; dir: string; resources: ResourceInfo[] }[] = [];
  let subresources: SubresourceInfo[] = [];
  for (const line of text.split('\n')) {
    const words = line.trim().split(' ');
    const attributes = new Map(words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]));
    if (line.startsWith('group ')) {
      const [dir, version] = words[1]!.split('/') as [string, string];
      out.push({ group: (attributes.get('name') ?? dir).replaceAll('"', ''), version, dir, resources: [] });
    } else if (line.startsWith('    /')) {
      const gv = attributes.get('as')?.split('/');
      subresources.push({ name: words[0]!.slice(1), kind: words[1]!, verbs: words[2]!.split(','), group: gv?.[0], version: gv?.[1] });
    } else if (line.startsWith('  ')) {
      const current = out.at(-1)!;
      const kind = words[1]!;
      subresources = [];
      current.resources.push({
        group: current.group, version: current.version, resource: words[0]!, singular: kind.toLowerCase(), kind,
        type: `${current.dir}/${current.version}.${kind}`, namespaced: words[2] === 'namespaced',
        verbs: attributes.get('verbs')?.split(',') ?? ALL_VERBS,
        shortNames: attributes.get('short')?.split(',') ?? [], categories: attributes.get('categories')?.split(',') ?? [], subresources,
      });
    }
  }
  return out;
}
