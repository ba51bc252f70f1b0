/** The discovery documents: `/api`, `/apis`, group, version, and the aggregated ones, made from the resource table. */
import { createHash } from 'node:crypto';
import type { ResourceInfo, SubresourceInfo } from '#api/registry';
import { compareVersions, formatGroupVersion } from '#machinery/gvk';
import type { ResourceTable, TableEntry } from '../resource-table.ts';

type Json = Record<string, unknown>;

/** Groups in upstream's order of priority; unknown ones (custom resources) follow by name. */
const GROUP_ORDER: readonly string[] = [
  '', 'apiregistration.k8s.io', 'apps', 'events.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io', 'autoscaling', 'batch',
  'certificates.k8s.io', 'networking.k8s.io', 'policy', 'rbac.authorization.k8s.io', 'storage.k8s.io', 'admissionregistration.k8s.io',
  'apiextensions.k8s.io', 'scheduling.k8s.io', 'coordination.k8s.io', 'node.k8s.io', 'discovery.k8s.io', 'resource.k8s.io',
  'storagemigration.k8s.io', 'flowcontrol.apiserver.k8s.io', 'internal.apiserver.k8s.io',
];

/** Served groups but the core one, in order. */
export function groupsInOrder(table: ResourceTable): string[] {
  const rank = (group: string): number => { const at = GROUP_ORDER.indexOf(group); return at < 0 ? GROUP_ORDER.length : at; };
  return table.groups().filter((group) => group !== '').sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Best first. */
export function versionsInOrder(table: ResourceTable, group: string): string[] {
  return table.versions(group).sort(compareVersions);
}

export function apiVersions(serverAddress: string): Json {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] };
}

export function apiGroup(table: ResourceTable, group: string): Json {
  const versions = versionsInOrder(table, group).map((version) => ({ groupVersion: formatGroupVersion(group, version), version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

export function apiGroupList(table: ResourceTable): Json {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsInOrder(table).map((group) => apiGroup(table, group)) };
}

/** Upstream's hash of where a resource is stored; clients tell by it that storage has changed. */
export function storageVersionHash(group: string, version: string, kind: string): string {
  // Definitions are hashed as they once were stored; clients have seen that value ever since.
  if (group === 'apiextensions.k8s.io') version = 'v1beta1';
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

export function apiResourceList(table: ResourceTable, group: string, version: string): Json {
  const resources: Json[] = [];
  for (const entry of table.entries(group, version)) {
    resources.push(apiResource(entry));
    for (const sub of entry.info.subresources) resources.push(apiSubresource(entry.info, sub));
  }
  const byName = (a: Json, b: Json): number => ((a['name'] as string) < (b['name'] as string) ? -1 : 1);
  return {
    kind: 'APIResourceList', ...(group === '' ? {} : { apiVersion: 'v1' }), groupVersion: formatGroupVersion(group, version),
    resources: table.isCustomGroup(group) ? resources : resources.sort(byName),
  };
}

function apiResource({ info, served }: TableEntry): Json {
  const stored = served === undefined ? undefined : splitVersion(served.storedApiVersion);
  return {
    name: info.resource, singularName: info.singular, namespaced: info.namespaced, kind: info.kind, verbs: [...info.verbs],
    ...(info.shortNames.length > 0 ? { shortNames: [...info.shortNames] } : {}), ...(info.categories.length > 0 ? { categories: [...info.categories] } : {}),
    ...(stored === undefined ? {} : { storageVersionHash: storageVersionHash(stored[0], stored[1], served!.storedKind) }),
  };
}

function splitVersion(apiVersion: string): [group: string, version: string] {
  const at = apiVersion.indexOf('/');
  return at < 0 ? ['', apiVersion] : [apiVersion.slice(0, at), apiVersion.slice(at + 1)];
}

function apiSubresource(info: ResourceInfo, sub: SubresourceInfo): Json {
  return {
    name: `${info.resource}/${sub.name}`, singularName: '', namespaced: info.namespaced,
    ...(sub.version === undefined ? {} : { group: sub.group, version: sub.version }), kind: sub.kind, verbs: [...sub.verbs],
  };
}

/** `/api` (core alone) or `/apis` as an APIGroupDiscoveryList v2. */
export function aggregated(table: ResourceTable, groups: readonly string[]): Json {
  return {
    kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {},
    items: groups.map((group) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versionsInOrder(table, group).map((version) => ({
        version,
        resources: [...table.entries(group, version)].sort((a, b) => (a.info.resource < b.info.resource ? -1 : 1)).map((entry) => discoveredResource(entry)),
        freshness: 'Current',
      })),
    })),
  };
}

function discoveredResource({ info, served }: TableEntry): Json {
  const gv = (group: string, version: string, kind: string): Json => ({ group, version, kind });
  const own = served?.custom === true ? gv(info.group, info.version, info.kind) : gv('', '', info.kind);
  return {
    resource: info.resource, responseKind: own, scope: info.namespaced ? 'Namespaced' : 'Cluster', singularResource: info.singular, verbs: [...info.verbs],
    ...(info.shortNames.length > 0 ? { shortNames: [...info.shortNames] } : {}), ...(info.categories.length > 0 ? { categories: [...info.categories] } : {}),
    ...(info.subresources.length === 0 ? {} : {
      subresources: [...info.subresources].sort((a, b) => (a.name < b.name ? -1 : 1)).map((sub) => ({
        subresource: sub.name, verbs: [...sub.verbs],
        responseKind: sub.version !== undefined ? gv(sub.group!, sub.version, sub.kind) : served?.custom === true ? gv(info.group, info.version, sub.kind) : gv('', '', sub.kind),
      })),
    }),
  };
}
