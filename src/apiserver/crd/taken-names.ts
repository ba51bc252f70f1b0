/**
 * The names that the definitions of each group have, kept as definitions come and go, so that one is settled without a look at all others.
 *
 * Known from two sides: versions of definitions as they are seen, newest first served, and claims of those that are being settled.
 * A claim stands until its outcome is written, so that two definitions that are settled at once never get one name.
 */
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '#api/generated/apiextensions/v1';

/** What others of a group have. */
export interface TakenNames {
  hasResource(name: string): boolean;
  hasKind(name: string): boolean;
}

type Accepted = Partial<CustomResourceDefinitionNames>;

/** Name → definitions that have it. */
class Holders {
  readonly #holders = new Map<string, Set<string>>();

  add(names: readonly string[], holder: string): void {
    for (const name of names) {
      const holders = this.#holders.get(name) ?? new Set();
      this.#holders.set(name, holders.add(holder));
    }
  }

  remove(names: readonly string[], holder: string): void {
    for (const name of names) {
      const holders = this.#holders.get(name);
      if (holders?.delete(holder) === true && holders.size === 0) this.#holders.delete(name);
    }
  }

  hasOther(name: string, than: string): boolean {
    const holders = this.#holders.get(name);
    return holders !== undefined && holders.size > (holders.has(than) ? 1 : 0);
  }
}

class GroupNames {
  readonly #resources = new Holders();
  readonly #kinds = new Holders();
  /** Definition → what it holds. */
  readonly #held = new Map<string, readonly Accepted[]>();

  set(definition: string, held: readonly Accepted[]): void {
    for (const names of this.#held.get(definition) ?? []) {
      this.#resources.remove(resourceNames(names), definition);
      this.#kinds.remove(kindNames(names), definition);
    }
    if (held.length === 0) this.#held.delete(definition); else this.#held.set(definition, held);
    for (const names of held) {
      this.#resources.add(resourceNames(names), definition);
      this.#kinds.add(kindNames(names), definition);
    }
  }

  beside(definition: string): TakenNames {
    return { hasResource: (name) => this.#resources.hasOther(name, definition), hasKind: (name) => this.#kinds.hasOther(name, definition) };
  }

  get isEmpty(): boolean { return this.#held.size === 0; }
}

interface Seen { readonly group: string; readonly revision: number; readonly accepted: Accepted | undefined; readonly claim: Accepted | undefined }

export class NameRegister {
  readonly #groups = new Map<string, GroupNames>();
  readonly #seen = new Map<string, Seen>();

  /** A version of a definition; older ones than are known change nothing. */
  note(definition: CustomResourceDefinition): void {
    const { metadata, spec, status } = definition;
    const name = metadata.name!;
    const revision = Number(metadata.resourceVersion ?? 0);
    const before = this.#seen.get(name);
    if (before !== undefined && before.revision > revision) return;
    this.#put(name, { group: spec.group, revision, accepted: status?.acceptedNames, claim: before?.claim });
  }

  /** What the definition is about to have. */
  claim(definition: CustomResourceDefinition, names: Accepted | undefined): void {
    const name = definition.metadata.name!;
    const before = this.#seen.get(name);
    this.#put(name, { group: definition.spec.group, revision: before?.revision ?? 0, accepted: before?.accepted, claim: names });
  }

  forget(name: string): void {
    const before = this.#seen.get(name);
    if (before === undefined) return;
    this.#seen.delete(name);
    this.#hold(before.group, name, []);
  }

  beside(definition: CustomResourceDefinition): TakenNames {
    return this.#groups.get(definition.spec.group)?.beside(definition.metadata.name!) ?? NONE;
  }

  #put(name: string, seen: Seen): void {
    this.#seen.set(name, seen);
    this.#hold(seen.group, name, [seen.accepted, seen.claim].filter((names) => names !== undefined));
  }

  #hold(group: string, name: string, held: readonly Accepted[]): void {
    const names = this.#groups.get(group) ?? new GroupNames();
    names.set(name, held);
    if (names.isEmpty) this.#groups.delete(group); else this.#groups.set(group, names);
  }
}

const NONE: TakenNames = { hasResource: () => false, hasKind: () => false };

function resourceNames(names: Accepted): string[] {
  return present([names.plural, names.singular, ...names.shortNames ?? []]);
}

function kindNames(names: Accepted): string[] {
  return present([names.kind, names.listKind]);
}

function present(names: readonly (string | undefined)[]): string[] {
  return names.filter((name): name is string => name !== undefined && name !== '');
}
