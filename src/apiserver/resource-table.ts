/**
 * Everything the server serves, by group, version and resource: built-in kinds, decisions, and custom resources that come and go.
 *
 * Discovery and the dispatcher read it; `revision` counts changes so that cached documents know when they are stale.
 */
import type { ResourceInfo } from '#api/registry';
import type { DecisionResource } from './resources/decision.ts';
import type { ServedResource } from './served-resource.ts';

/** `info` alone: described in discovery, served by connect handlers and decisions only. */
export interface TableEntry {
  readonly info: ResourceInfo;
  readonly served: ServedResource | undefined;
}

export class ResourceTable {
  readonly #entries = new Map<string, TableEntry>();
  readonly #decisions = new Map<string, DecisionResource>();
  /** Group versions in the order they were first registered. */
  readonly #groupVersions = new Map<string, Map<string, readonly TableEntry[]>>();
  #revision = 0;

  get revision(): number { return this.#revision; }

  add(entry: TableEntry): void {
    const { group, version, resource } = entry.info;
    const key = `${group}/${version}/${resource}`;
    if (this.#entries.has(key)) throw new Error(`${key} is registered already`);
    this.#entries.set(key, entry);
    const versions = this.#groupVersions.get(group) ?? new Map<string, readonly TableEntry[]>();
    this.#groupVersions.set(group, versions);
    versions.set(version, [...versions.get(version) ?? [], entry]);
    this.#revision++;
  }

  remove(group: string, version: string, resource: string): void {
    if (!this.#entries.delete(`${group}/${version}/${resource}`)) return;
    const versions = this.#groupVersions.get(group)!;
    const left = versions.get(version)!.filter((entry) => entry.info.resource !== resource);
    if (left.length > 0) versions.set(version, left); else versions.delete(version);
    if (versions.size === 0) this.#groupVersions.delete(group);
    this.#revision++;
  }

  addDecision(decision: DecisionResource): void {
    this.#decisions.set(`${decision.group}/${decision.version}/${decision.resource}/${decision.subresource}`, decision);
  }

  find(group: string, version: string, resource: string): TableEntry | undefined {
    return this.#entries.get(`${group}/${version}/${resource}`);
  }

  decision(group: string, version: string, resource: string, subresource: string): DecisionResource | undefined {
    return this.#decisions.get(`${group}/${version}/${resource}/${subresource}`);
  }

  hasGroup(group: string): boolean { return this.#groupVersions.has(group); }
  /** All of the group are custom resources. */
  isCustomGroup(group: string): boolean {
    const versions = this.#groupVersions.get(group);
    return versions !== undefined && [...versions.values()].every((entries) => entries.every((entry) => entry.served?.custom === true));
  }
  groups(): string[] { return [...this.#groupVersions.keys()]; }
  versions(group: string): string[] { return [...this.#groupVersions.get(group)?.keys() ?? []]; }
  /** The same list as long as nothing of the group version changes. */
  entries(group: string, version: string): readonly TableEntry[] { return this.#groupVersions.get(group)?.get(version) ?? []; }

  *served(): Iterable<ServedResource> {
    for (const { served } of this.#entries.values()) if (served !== undefined) yield served;
  }
}
