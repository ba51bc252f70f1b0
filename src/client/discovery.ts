/**
 * Which resources a server has, in their preferred versions: by aggregated discovery, two requests.
 *
 * A group whose server does not answer is reported as failed and is left out: callers that delete or count must know.
 */
import type { Clock } from '#base/clock';
import type { ResourceType } from '#machinery/meta';
import type { CallOptions, Client } from './client.ts';

export interface DiscoveredResource extends ResourceType {
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

export interface Discovery {
  readonly resources: readonly DiscoveredResource[];
  /** `group/version` of those that did not answer. */
  readonly failed: readonly string[];
}

interface GroupList { items?: { metadata?: { name?: string }; versions?: VersionEntry[] }[] }
interface VersionEntry { version: string; freshness?: string; resources?: ResourceEntry[] }
interface ResourceEntry { resource: string; scope: string; verbs?: string[]; responseKind?: { group?: string; version?: string; kind?: string }; subresources?: { subresource: string }[] }

const ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** Each resource once, in the first of its group's versions that has it. */
export async function discoverPreferred(client: Client, options: CallOptions = {}): Promise<Discovery> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => client.raw<GroupList>('GET', path, { ...options, accept: ACCEPT })));
  const resources: DiscoveredResource[] = [];
  const failed: string[] = [];
  for (const group of lists.flatMap((list) => list.items ?? [])) {
    const seen = new Set<string>();
    for (const version of group.versions ?? []) {
      const name = group.metadata?.name ?? '';
      if (version.freshness === 'Stale') failed.push(name === '' ? version.version : `${name}/${version.version}`);
      for (const entry of version.resources ?? []) {
        if (seen.has(entry.resource)) continue;
        seen.add(entry.resource);
        resources.push({
          group: name, version: version.version, resource: entry.resource, kind: entry.responseKind?.kind ?? '',
          namespaced: entry.scope === 'Namespaced', verbs: entry.verbs ?? [], subresources: (entry.subresources ?? []).map((sub) => sub.subresource),
        });
      }
    }
  }
  return { resources, failed };
}

/** The resource that has this kind, in this very version. */
export async function discoverVersions(client: Client, options: CallOptions = {}): Promise<ReadonlyMap<string, DiscoveredResource>> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => client.raw<GroupList>('GET', path, { ...options, accept: ACCEPT })));
  const byKind = new Map<string, DiscoveredResource>();
  for (const group of lists.flatMap((list) => list.items ?? [])) {
    const name = group.metadata?.name ?? '';
    for (const version of group.versions ?? []) {
      for (const entry of version.resources ?? []) {
        const kind = entry.responseKind?.kind ?? '';
        const key = `${name === '' ? version.version : `${name}/${version.version}`}|${kind}`;
        if (!byKind.has(key)) {
          byKind.set(key, {
            group: name, version: version.version, resource: entry.resource, kind, namespaced: entry.scope === 'Namespaced', verbs: entry.verbs ?? [],
            subresources: (entry.subresources ?? []).map((sub) => sub.subresource),
          });
        }
      }
    }
  }
  return byKind;
}

/** Discovery is asked again for an unknown kind at most this often. */
const KINDS_FRESH_MS = 5_000;

export class UnknownKindError extends Error {}

/** Finds the resource of a kind, asking the server again when it is not known yet. */
export interface KindResolver {
  /** @throws UnknownKindError when no server has this kind. */
  resolve(apiVersion: string, kind: string, signal: AbortSignal): Promise<DiscoveredResource>;
}

export function kindResolver(client: Client, clock: Clock): KindResolver {
  let kinds: ReadonlyMap<string, DiscoveredResource> = new Map();
  let discoveredMs = -Infinity;
  return {
    async resolve(apiVersion, kind, signal) {
      const key = `${apiVersion}|${kind}`;
      if (!kinds.has(key) && clock.monotonicNow() - discoveredMs > KINDS_FRESH_MS) {
        kinds = await discoverVersions(client, { signal });
        discoveredMs = clock.monotonicNow();
      }
      const resource = kinds.get(key);
      if (resource === undefined) throw new UnknownKindError(`no matches for kind "${kind}" in version "${apiVersion}"`);
      return resource;
    },
  };
}
