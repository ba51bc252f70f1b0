/**
 * Moves ownership: what a write changed goes from its owners to the writer.
 *
 * Owners may speak another API version; for those the objects are converted and compared in that version. An owner of a version
 * that is no longer served is forgotten. Follows upstream's structured-merge-diff.
 */
import type { JsonObject } from '../patch/json-value.ts';
import { compareObjects } from './compare.ts';
import type { Comparison } from './compare.ts';
import { conflictsOf, ConflictsError } from './conflict.ts';
import { difference, EMPTY_SET, intersection, isEmptySet, matching, recursiveDifference, union } from './field-set.ts';
import type { FieldPattern, FieldSet } from './field-set.ts';
import { dropEmptyManagers, identityOf } from './managers.ts';
import type { Manager, ManagerIdentity, Managers } from './managers.ts';
import type { MergeType } from './merge-type.ts';
import { mergeObjects } from './merge.ts';
import { reconcileWithType, withNamedFields } from './named-fields.ts';
import { setOfObject } from './object-set.ts';
import { removeItems } from './remove.ts';
import { typeFault } from './validate.ts';

/** The versions in which a kind is served. */
export interface KindVersions {
  /** The kind's type in that API version (`apps/v1`); undefined when it is not served. */
  type(apiVersion: string): MergeType | undefined;
  /** The object in another served version. May throw; a `VersionPendingError` passes through. */
  convert(object: JsonObject, apiVersion: string): JsonObject;
  /** Fields that this endpoint does not let be written, and so not be owned. */
  resetFields?(apiVersion: string): FieldSet | undefined;
  /** Where an endpoint lets only some fields be written: these. */
  readonly writableFields?: FieldPattern | undefined;
}

/** An object that cannot be had in a version, or does not fit it. The text is upstream's. */
export class ObjectVersionError extends Error {}

/** The version is not at hand yet: who called gets it and calls again. Passes through as it is. */
export class VersionPendingError extends Error {}

/** An object with all its versions, each converted once. */
class Versioned {
  readonly #versions: KindVersions;
  readonly #byVersion: Map<string, JsonObject>;
  readonly #role: string;
  readonly apiVersion: string;

  /** @param role how errors call it: `new object`. */
  constructor(versions: KindVersions, apiVersion: string, object: JsonObject, role: string) {
    this.#versions = versions;
    this.#role = role;
    this.apiVersion = apiVersion;
    this.#byVersion = new Map([[apiVersion, object]]);
  }

  /** @throws ObjectVersionError */
  at(apiVersion: string): JsonObject {
    let object = this.#byVersion.get(apiVersion);
    if (object === undefined) {
      object = this.#convert(apiVersion);
      this.#byVersion.set(apiVersion, object);
    }
    return object;
  }

  #convert(apiVersion: string): JsonObject {
    let fault: string | undefined;
    let object: JsonObject = {};
    try {
      object = this.#versions.convert(this.#byVersion.get(this.apiVersion) as JsonObject, apiVersion);
      fault = typeFault(object, this.#versions.type(apiVersion) as MergeType, false);
    } catch (error) {
      if (error instanceof VersionPendingError) throw error;
      fault = (error as Error).message;
    }
    if (fault !== undefined) throw new ObjectVersionError(`failed to convert ${this.#role}: ${fault}`);
    return object;
  }

  with(object: JsonObject, apiVersion: string, role: string): Versioned {
    return new Versioned(this.#versions, apiVersion, object, role);
  }
}

export interface UpdateInput {
  readonly before: JsonObject;
  readonly after: JsonObject;
  /** The version of both objects, and of the request. */
  readonly apiVersion: string;
  readonly managers: Managers;
  /** Stands for the request while its changes are worked out; merged into the writer's own entry by the caller. */
  readonly writer: ManagerIdentity;
  readonly versions: KindVersions;
  /** What `compareObjects` found between the two, in the request's version. */
  readonly changes: Comparison;
}

/** The managers after a write that is not an apply. */
export function updateManagers(input: UpdateInput): Map<string, Manager> {
  const { apiVersion, writer, versions } = input;
  const before = new Versioned(versions, apiVersion, input.before, 'old object');
  const after = new Versioned(versions, apiVersion, input.after, 'new object');
  const managers = reconcileManagers(input.managers, versions);
  const changes = moveOwnership({ before, after, managers, writer: identityOf(writer), versions, force: true, known: input.changes });
  const set = withoutReset(versions, apiVersion, union(changes.modified, changes.added));
  if (!isEmptySet(set)) managers.set(identityOf(writer), { ...writer, set, time: undefined });
  return managers;
}

interface Move {
  readonly before: Versioned;
  readonly after: Versioned;
  readonly managers: Map<string, Manager>;
  /** Identity of the writer, who keeps what he has. */
  readonly writer: string;
  readonly versions: KindVersions;
  readonly force: boolean;
  /** The comparison in the request's version, where it is known already. */
  readonly known?: Comparison;
}

/** Takes from every other manager what the write changed or removed. @throws ConflictsError unless forced */
function moveOwnership({ before, after, managers, writer, versions, force, known }: Move): Comparison {
  const compared = new Map<string, Comparison>();
  if (known !== undefined) compared.set(before.apiVersion, filterReset(versions, before.apiVersion, known));
  const compareAt = (apiVersion: string): Comparison | undefined => {
    let changes = compared.get(apiVersion);
    if (changes === undefined) {
      const type = versions.type(apiVersion);
      if (type === undefined) return undefined;
      changes = filterReset(versions, apiVersion, compareObjects(before.at(apiVersion), after.at(apiVersion), type));
      compared.set(apiVersion, changes);
    }
    return changes;
  };
  const own = compareAt(before.apiVersion) as Comparison;
  const conflicts = new Map<string, { owner: Manager; set: FieldSet }>();
  for (const [identity, manager] of managers) {
    if (identity === writer) continue;
    const changes = compareAt(manager.apiVersion);
    if (changes === undefined) {
      managers.delete(identity);
      continue;
    }
    const set = intersection(manager.set, union(changes.modified, changes.added));
    if (!isEmptySet(set)) conflicts.set(identity, { owner: manager, set });
  }
  if (!force && conflicts.size > 0) throw new ConflictsError(conflictsOf(conflicts));
  for (const [identity, manager] of managers) {
    if (identity === writer) continue;
    const changes = compareAt(manager.apiVersion) as Comparison;
    const set = difference(difference(manager.set, conflicts.get(identity)?.set ?? EMPTY_SET), changes.removed);
    if (set !== manager.set) managers.set(identity, { ...manager, set });
  }
  dropEmptyManagers(managers);
  return own;
}

function filterReset(versions: KindVersions, apiVersion: string, changes: Comparison): Comparison {
  return {
    added: withoutReset(versions, apiVersion, changes.added),
    modified: withoutReset(versions, apiVersion, changes.modified),
    removed: withoutReset(versions, apiVersion, changes.removed),
  };
}

function withoutReset(versions: KindVersions, apiVersion: string, set: FieldSet): FieldSet {
  const reset = versions.resetFields?.(apiVersion);
  const left = reset === undefined ? set : recursiveDifference(set, reset);
  return versions.writableFields === undefined ? left : matching(left, versions.writableFields);
}

/** A copy of the managers, their sets in the grain of today's types. */
function reconcileManagers(managers: Managers, versions: KindVersions): Map<string, Manager> {
  const out = new Map<string, Manager>();
  for (const [identity, manager] of managers) {
    const type = versions.type(manager.apiVersion);
    if (type === undefined) continue;
    const set = reconcileWithType(manager.set, type);
    out.set(identity, set === manager.set ? manager : { ...manager, set });
  }
  return out;
}

export interface ApplyInput {
  readonly live: JsonObject;
  readonly config: JsonObject;
  readonly apiVersion: string;
  readonly managers: Managers;
  readonly applier: ManagerIdentity;
  readonly force: boolean;
  readonly versions: KindVersions;
}

export interface Applied {
  readonly object: JsonObject;
  readonly managers: Map<string, Manager>;
}

/** @throws ConflictsError, PathElementError */
export function applyConfiguration(input: ApplyInput): Applied {
  const { live, config, apiVersion, applier, versions } = input;
  const type = versions.type(apiVersion) as MergeType;
  const managers = reconcileManagers(input.managers, versions);
  const merged = (mergeObjects(live, config, type) ?? {}) as JsonObject;
  const identity = identityOf(applier);
  const last = managers.get(identity);
  const set = withoutReset(versions, apiVersion, setOfObject(config, type));
  managers.set(identity, { ...applier, set, time: last?.time });
  const before = new Versioned(versions, apiVersion, live, 'old object');
  const object = prune(before.with(merged, apiVersion, 'merged object'), managers, last, apiVersion, versions);
  moveOwnership({ before, after: before.with(object, apiVersion, 'new object'), managers, writer: identity, versions, force: input.force });
  return { object, managers };
}

/** Removes what the applier applied last time, does not apply now, and nobody else owns. */
function prune(merged: Versioned, managers: Managers, last: Manager | undefined, apiVersion: string, versions: KindVersions): JsonObject {
  const whole = merged.at(apiVersion);
  if (last === undefined || isEmptySet(last.set)) return whole;
  const type = versions.type(last.apiVersion);
  if (type === undefined) return whole;
  const mergedThen = merged.at(last.apiVersion);
  const lastSet = withNamedFields(last.set, type);
  const dropped = merged.with(removeItems(mergedThen, lastSet, type), last.apiVersion, 'pruned object');
  const pruned = addBackOwned(merged, dropped, last.apiVersion, managers, versions);
  const prunedSet = withNamedFields(setOfObject(pruned.at(last.apiVersion), type), type);
  const mergedSet = withNamedFields(setOfObject(mergedThen, type), type);
  const gone = intersection(difference(mergedSet, prunedSet), lastSet);
  return merged.with(removeItems(mergedThen, gone, type), last.apiVersion, 'pruned object').at(apiVersion);
}

/** Puts back what somebody owns, version by version, the version of the last configuration first. */
function addBackOwned(merged: Versioned, pruned: Versioned, firstVersion: string, managers: Managers, versions: KindVersions): Versioned {
  const owned = new Map<string, FieldSet>();
  for (const { apiVersion, set } of managers.values()) owned.set(apiVersion, union(owned.get(apiVersion) ?? EMPTY_SET, set));
  const order = [firstVersion, ...[...owned.keys()].filter((version) => version !== firstVersion)];
  let left = pruned;
  for (const apiVersion of order) {
    const set = owned.get(apiVersion);
    const type = versions.type(apiVersion);
    if (set === undefined || type === undefined) continue;
    const whole = merged.at(apiVersion);
    const wholeSet = withNamedFields(setOfObject(whole, type), type);
    const leftSet = withNamedFields(setOfObject(left.at(apiVersion), type), type);
    const gone = difference(wholeSet, union(leftSet, withNamedFields(set, type)));
    left = merged.with(removeItems(whole, gone, type), apiVersion, 'pruned object');
  }
  return left;
}
