/** The one list of resource definitions: those with rules of their own, and generic ones for the rest of the schema. */
import { allGroupVersions, isStableVersion, type ResourceInfo } from '#api/registry';
import { conversionOf, storedIdentity } from './conversions.ts';
import { convertedDefinition } from './converted-definition.ts';
import { BUILT_IN_DEFINITIONS } from './built-in.ts';
import type { ResourceDefinition } from './definition.ts';
import { genericDefinition } from './generic-definition.ts';

export interface RegisteredResource {
  readonly info: ResourceInfo;
  readonly definition: ResourceDefinition;
}

/** `group/version`, `group/version/resource`, `api/all`, `api/ga`, `api/beta` or `api/alpha` → served or not; the most special one decides. */
export type RuntimeConfig = ReadonlyMap<string, boolean>;

/** Every stored resource that is served. @throws Error when two definitions claim one resource. */
export function registeredResources(runtimeConfig: RuntimeConfig = new Map()): RegisteredResource[] {
  const own = new Map<string, ResourceDefinition>();
  for (const definition of BUILT_IN_DEFINITIONS) {
    const { group, version, resource } = definition.resource;
    const key = `${group}/${version}/${resource}`;
    if (own.has(key)) throw new Error(`two definitions of ${key}`);
    own.set(key, definition);
  }
  return servedResources(runtimeConfig).filter(isStored).map((info) => ({ info, definition: definitionOf(info, own) }));
}

function definitionOf(info: ResourceInfo, own: ReadonlyMap<string, ResourceDefinition>): ResourceDefinition {
  const found = own.get(`${info.group}/${info.version}/${info.resource}`);
  if (found !== undefined) return found;
  const generic = genericDefinition(info);
  const stored = storedIdentity(info, generic).info;
  const conversion = conversionOf(info, stored);
  const definition = own.get(`${stored.group}/${stored.version}/${stored.resource}`) ?? (stored.type === info.type ? generic : genericDefinition(stored));
  if (conversion !== undefined) return convertedDefinition(info, definition, conversion);
  // The same JSON under another version.
  return { ...definition, resource: generic.resource, schema: info.type };
}

/** Everything that is served, reviews and the like included. */
export function servedResources(runtimeConfig: RuntimeConfig = new Map()): ResourceInfo[] {
  const served: ResourceInfo[] = [];
  for (const { group, version, resources } of allGroupVersions()) {
    const groupVersion = group === '' ? version : `${group}/${version}`;
    const on = runtimeConfig.get(groupVersion) ?? runtimeConfig.get(`api/${stageOf(version)}`) ?? runtimeConfig.get('api/all') ?? isStableVersion(version);
    for (const info of resources) if (runtimeConfig.get(`${groupVersion}/${info.resource}`) ?? on) served.push(info);
  }
  return served;
}

function stageOf(version: string): 'ga' | 'beta' | 'alpha' {
  if (isStableVersion(version)) return 'ga';
  return version.includes('beta') ? 'beta' : 'alpha';
}

/** Kinds that can be read back. */
function isStored(info: ResourceInfo): boolean {
  return info.verbs.includes('get') && info.resource !== 'componentstatuses';
}
