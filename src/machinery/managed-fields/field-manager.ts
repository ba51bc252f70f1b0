/**
 * Keeps `metadata.managedFields`: who last wrote which field. The door of this room.
 *
 *     manager.update({ live, object, manager, time })    after create, update and patch: the entries to store
 *     manager.apply({ live, config, manager, force, time })   server-side apply: the merged object with its entries, or a Status
 *
 * Objects are plain JSON in the request's version, in canonical form (every field that is always serialised is there, see
 * `emptyObject`), with defaults. Nothing given is changed. An applied object comes back merged but not yet decoded, defaulted and
 * validated: that is the caller's next step. One FieldManager serves one kind, version and subresource.
 */
import type { ManagedFieldsEntry } from '../meta.ts';
import { isObject, jsonEqual } from '../patch/json-value.ts';
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import { newBadRequest, newUnknownError } from '../status-error.ts';
import { compareObjects } from './compare.ts';
import { ConflictsError, conflictStatus, withoutPaths } from './conflict.ts';
import { difference, EMPTY_SET, isEmptySet, setOfPaths, union } from './field-set.ts';
import { LAST_APPLIED_MANAGER, lastAppliedSet, withLastApplied } from './last-applied.ts';
import { capUpdateManagers, decodeManagers, encodeManagers, identityOf, ManagedFieldsError } from './managers.ts';
import type { Manager, ManagerIdentity, ManagerOperation, Managers } from './managers.ts';
import type { MergeType } from './merge-type.ts';
import { PathElementError } from './path-element.ts';
import { applyConfiguration, ObjectVersionError, updateManagers } from './updater.ts';
import type { Applied, KindVersions } from './updater.ts';
import { typeFault } from './validate.ts';

export interface FieldManagerOptions {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** '' for the main resource. */
  readonly subresource: string;
  /** The group version of the request must have a type. */
  readonly versions: KindVersions;
  /** The kind's empty object (`emptyObject`); for kinds without a Go type `{apiVersion, kind}`. */
  readonly empty: JsonObject;
}

export interface UpdateRequest {
  /** Undefined on create. */
  readonly live: JsonObject | undefined;
  /** The object to be stored, as the request made it. */
  readonly object: JsonObject;
  /** From `fieldManager`, else the user agent's first word; '' is `unknown`. */
  readonly manager: string;
  /** Now, RFC 3339 with seconds. */
  readonly time: string;
}

export interface ApplyRequest {
  /** Undefined where there is no such object yet. */
  readonly live: JsonObject | undefined;
  /** As decoded from the request, not defaulted. */
  readonly config: JsonObject;
  readonly manager: string;
  readonly force: boolean;
  readonly time: string;
}

export interface AppliedObject {
  /** With `metadata.managedFields` set. */
  readonly object: JsonObject;
  /** False: the object is the live one; only entries may have changed. */
  readonly changed: boolean;
}

export interface FieldManager {
  /** The entries to store; undefined for none (tracking was reset, or the object cannot be tracked). */
  update(request: UpdateRequest): ManagedFieldsEntry[] | undefined;
  /** @throws StatusError 400 (not this kind, bad body), 409 (conflicts), 500 (does not fit the schema, as upstream) */
  apply(request: ApplyRequest): AppliedObject;
}

const BEFORE_FIRST_APPLY = 'before-first-apply';
/** Stands for the request until it is known whether it changed anything. */
const CURRENT_OPERATION = 'current-operation';

/** Fields that the server keeps; nobody owns them. */
const SERVER_FIELDS = setOfPaths(
  ['f:apiVersion'], ['f:kind'], ['f:metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion']
    .map((name) => ['f:metadata', `f:${name}`]),
);

export function createFieldManager(options: FieldManagerOptions): FieldManager {
  const { versions, subresource } = options;
  const apiVersion = options.group === '' ? options.version : `${options.group}/${options.version}`;
  const type = versions.type(apiVersion);
  if (type === undefined) throw new Error(`no merge type for ${apiVersion} ${options.kind}`);

  function identify(manager: string, operation: ManagerOperation): ManagerIdentity {
    return { manager: manager === '' ? 'unknown' : manager, operation, apiVersion, subresource };
  }

  /**
   * The managers after `manager` made `after` out of `before`; the same map when nothing is owned otherwise. Entries that a client
   * `sent` are gone through even when nothing else changed: some may own nothing, or speak a version that is not served.
   */
  function track(before: JsonObject, after: JsonObject, managers: Managers, manager: string, time: string, sent = false): Managers {
    const changes = compareObjects(before, after, type as MergeType);
    if (!sent && isEmptySet(changes.added) && isEmptySet(changes.modified) && isEmptySet(changes.removed)) return managers;
    const operation: ManagerIdentity = { ...identify(CURRENT_OPERATION, 'Update'), subresource: '' };
    const updated = updateManagers({ before, after, apiVersion, managers, writer: operation, versions, changes });
    const written = updated.get(identityOf(operation));
    updated.delete(identityOf(operation));
    const set = difference(written?.set ?? EMPTY_SET, SERVER_FIELDS);
    if (!isEmptySet(set)) {
      const writer = identify(manager, 'Update');
      const identity = identityOf(writer);
      const previous = updated.get(identity)?.set ?? EMPTY_SET;
      updated.set(identity, { ...writer, set: union(set, previous), time });
    }
    capUpdateManagers(updated);
    return updated;
  }

  function update({ live, object, manager, time }: UpdateRequest): ManagedFieldsEntry[] | undefined {
    const liveEntries = live === undefined ? undefined : entriesOf(live);
    const sent = sentManagers(liveEntries, entriesOf(object), subresource !== '');
    const managers = sent ?? tryDecode(liveEntries, true) ?? new Map<string, Manager>();
    if (managers.size === 0 && live !== undefined) return undefined;
    try {
      const updated = track(withoutEntries(live ?? options.empty), withoutEntries(object), managers, manager, time, sent !== undefined);
      return updated === managers && sent === undefined && managers.size > 0 ? liveEntries : encodeManagers(updated);
    } catch (error) {
      if (error instanceof PathElementError || error instanceof ObjectVersionError) return undefined;
      throw error;
    }
  }

  function apply({ live, config, manager, force, time }: ApplyRequest): AppliedObject {
    checkKind(options, config);
    const entries = live === undefined ? undefined : entriesOf(live);
    let managers = decodeForApply(entries);
    const base = withoutEntries(live ?? options.empty);
    if (managers.size === 0 && live !== undefined) managers = track(withoutEntries(options.empty), base, managers, BEFORE_FIRST_APPLY, time);
    const metadata = config['metadata'];
    if (isObject(metadata) && (metadata['managedFields'] ?? null) !== null) throw newBadRequest('metadata.managedFields must be nil');
    const fault = typeFault(config, type as MergeType, false);
    if (fault !== undefined) throw newUnknownError(`failed to create typed patch object (${describe(options, config)}): ${fault}`);

    const applier = identify(manager, 'Apply');
    const applied = applyResolvingConflicts({ live: base, config, apiVersion, managers, applier, force, versions }, manager, type as MergeType);
    const changed = !jsonEqual(base, applied.object);
    let object = changed ? applied.object : base;
    settleApplier(applied.managers, applier, changed ? time : undefined);
    if (manager === LAST_APPLIED_MANAGER) object = withLastApplied(object, config);
    return { object: withEntries(object, encodeManagers(applied.managers)), changed };
  }

  return { update, apply };
}

type ApplyInput = Parameters<typeof applyConfiguration>[0];

function applyResolvingConflicts(input: ApplyInput, manager: string, type: MergeType): Applied {
  try {
    return applyConfiguration(input);
  } catch (error) {
    if (error instanceof ObjectVersionError || error instanceof PathElementError) throw newUnknownError(error.message);
    if (!(error instanceof ConflictsError)) throw error;
    if (manager !== LAST_APPLIED_MANAGER) throw conflictStatus(error.conflicts);
    const left = withoutPaths(error.conflicts, lastAppliedSet(input.live, input.apiVersion, type));
    if (left.length > 0) throw conflictStatus(left);
    return applyConfiguration({ ...input, force: true });
  }
}

/** Takes the server's fields from the applier, and gives him the time of the apply. */
function settleApplier(managers: Map<string, Manager>, applier: ManagerIdentity, time: string | undefined): void {
  const identity = identityOf(applier);
  const entry = managers.get(identity);
  if (entry === undefined) return;
  const set = difference(entry.set, SERVER_FIELDS);
  if (isEmptySet(set)) managers.delete(identity);
  else managers.set(identity, { ...entry, set, time: time ?? entry.time });
}

/**
 * The managers a client put into the object; undefined where the live object's count. A client may edit the entries of the main
 * resource; an empty list, or a list of one empty entry, resets them. Entries that say nothing usable count as not sent.
 */
function sentManagers(live: ManagedFieldsEntry[] | undefined, sent: ManagedFieldsEntry[] | undefined, ignoreSent: boolean): Managers | undefined {
  if (ignoreSent || sent === undefined || sent === live || jsonEqual(sent, live)) return undefined;
  if (isReset(sent)) return new Map();
  const managers = tryDecode(sent, false);
  return managers === undefined || managers.size === 0 ? undefined : managers;
}

function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  const [first] = entries;
  return first === undefined || (entries.length === 1 && Object.keys(first).length === 0);
}

function tryDecode(entries: ManagedFieldsEntry[] | undefined, canonical: boolean): Managers | undefined {
  try {
    return decodeManagers(entries, canonical);
  } catch (error) {
    if (error instanceof ManagedFieldsError) return undefined;
    throw error;
  }
}

function decodeForApply(entries: ManagedFieldsEntry[] | undefined): Managers {
  try {
    return decodeManagers(entries, true);
  } catch (error) {
    if (error instanceof ManagedFieldsError) throw newUnknownError(`failed to decode managed fields: ${error.message}`);
    throw error;
  }
}

function checkKind({ group, version, kind }: FieldManagerOptions, config: JsonObject): void {
  const sent = groupVersionKind(config);
  if (sent !== `${group}/${version}, Kind=${kind}`) throw newBadRequest(`invalid object type: ${sent}`);
}

/** As upstream prints it: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`, `/, Kind=`. */
function groupVersionKind(object: JsonObject): string {
  const apiVersion = typeof object['apiVersion'] === 'string' ? object['apiVersion'] : '';
  const kind = typeof object['kind'] === 'string' ? object['kind'] : '';
  const parts = apiVersion.split('/');
  const groupVersion = parts.length === 1 ? `/${apiVersion}` : parts.length === 2 ? apiVersion : '/';
  return `${groupVersion}, Kind=${kind}`;
}

function describe({ group, version, kind }: FieldManagerOptions, object: JsonObject): string {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
  return `${text(metadata['namespace'])}/${text(metadata['name'])}; ${group}/${version}, Kind=${kind}`;
}

function entriesOf(object: JsonObject): ManagedFieldsEntry[] | undefined {
  const metadata = object['metadata'];
  const entries = isObject(metadata) ? metadata['managedFields'] : undefined;
  return Array.isArray(entries) ? entries as unknown as ManagedFieldsEntry[] : undefined;
}

function withoutEntries(object: JsonObject): JsonObject {
  return entriesOf(object) === undefined ? object : withEntries(object, undefined);
}

function withEntries(object: JsonObject, entries: ManagedFieldsEntry[] | undefined): JsonObject {
  const { managedFields: _dropped, ...metadata } = isObject(object['metadata']) ? object['metadata'] : {};
  return { ...object, metadata: entries === undefined ? metadata : { ...metadata, managedFields: entries as unknown as JsonValue } };
}

/**
 * The entries to store when a write changed nothing but times in them: the old ones, so that the write is none.
 * Call with the final objects, just before they are compared for storing.
 */
export function withoutNewTimes(object: JsonObject, old: JsonObject): JsonObject {
  const entries = entriesOf(object);
  const before = entriesOf(old);
  if (entries === undefined || before === undefined || entries.length !== before.length) return object;
  if (entries.every((entry, index) => entry.time === before[index]?.time)) return object;
  const timeless = (list: ManagedFieldsEntry[]): unknown => list.map(({ time: _time, ...entry }) => entry);
  if (!jsonEqual(timeless(entries), timeless(before)) || !jsonEqual(withoutEntries(object), withoutEntries(old))) return object;
  return withEntries(object, before);
}
