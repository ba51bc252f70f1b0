/**
 * Who owns what: the entries of `metadata.managedFields`, decoded and encoded.
 *
 * An applier is known by name and subresource, an updater also by its API version. The identity is the JSON that upstream uses,
 * because conflicts are listed in its order.
 */
import type { ManagedFieldsEntry } from '../meta.ts';
import { EMPTY_SET, inCanonicalOrder, isEmptySet, parseSet, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';

export type ManagerOperation = 'Apply' | 'Update';

export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: ManagerOperation;
  readonly apiVersion: string;
  readonly subresource: string;
}

export interface Manager extends ManagerIdentity {
  readonly set: FieldSet;
  /** RFC 3339; undefined where upstream gives none: an applier that changed nothing. */
  readonly time: string | undefined;
}

/** By identity. A value: replaced, never changed, outside this room's update. */
export type Managers = ReadonlyMap<string, Manager>;

/** More updaters than this are merged into one, oldest first. */
export const UPDATE_MANAGERS_MAX = 10;
const ANCIENT_CHANGES = 'ancient-changes';

export class ManagedFieldsError extends Error {}

const IDENTITIES_MAX = 2_000;
const identities = new Map<string, string>();

/** A few managers make most writes: their identities are kept. */
export function identityOf(of: ManagerIdentity): string {
  const key = `${of.operation}\n${of.apiVersion}\n${of.subresource}\n${of.manager}`;
  let identity = identities.get(key);
  if (identity === undefined) {
    identity = identityText(of);
    if (identities.size >= IDENTITIES_MAX) identities.clear();
    identities.set(key, identity);
  }
  return identity;
}

function identityText({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  return JSON.stringify({
    ...(manager === '' ? {} : { manager }), operation, ...(operation === 'Apply' || apiVersion === '' ? {} : { apiVersion }),
    ...(subresource === '' ? {} : { subresource }),
  });
}

/**
 * @param canonical the entries were written by this server, so that their sets need no parsing.
 * @throws ManagedFieldsError
 */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined, canonical: boolean): Map<string, Manager> {
  const managers = new Map<string, Manager>();
  (entries ?? []).forEach((entry, index) => {
    const { operation, apiVersion = '', fieldsType = '' } = entry;
    if (operation !== 'Apply' && operation !== 'Update') throw new ManagedFieldsError('operation must be `Apply` or `Update`');
    if (apiVersion === '') throw new ManagedFieldsError('apiVersion must not be empty');
    if (fieldsType === '') throw new ManagedFieldsError(`missing fieldsType in managed fields entry ${index}`);
    if (fieldsType !== 'FieldsV1') {
      throw new ManagedFieldsError(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
    }
    const fields = entry.fieldsV1 ?? EMPTY_SET;
    const manager: Manager = {
      manager: entry.manager ?? '', operation, apiVersion, subresource: entry.subresource ?? '',
      set: canonical ? fields : parseClientSet(fields), time: entry.time,
    };
    managers.set(identityOf(manager), manager);
  });
  return managers;
}

function parseClientSet(fields: unknown): FieldSet {
  try {
    return parseSet(fields);
  } catch (error) {
    throw new ManagedFieldsError(`error decoding set: ${(error as Error).message}`);
  }
}

/** Sorted by operation, time, name, version, subresource; undefined when there are none. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()].sort(compareManagers).map((manager) => ({
    ...(manager.manager === '' ? {} : { manager: manager.manager }),
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: inCanonicalOrder(manager.set),
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

function compareManagers(left: Manager, right: Manager): number {
  return compareText(left.operation, right.operation) || seconds(left.time) - seconds(right.time)
    || compareText(left.manager, right.manager) || compareText(left.apiVersion, right.apiVersion)
    || compareText(left.subresource, right.subresource);
}

function compareText(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

function seconds(time: string | undefined): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000) || 0;
}

export function dropEmptyManagers(managers: Map<string, Manager>): void {
  for (const [identity, { set }] of managers) if (isEmptySet(set)) managers.delete(identity);
}

/** Merges the oldest updaters of each version until no more than the limit are left. */
export function capUpdateManagers(managers: Map<string, Manager>): void {
  const updaters = [...managers].filter(([, manager]) => manager.operation === 'Update');
  let left = updaters.length;
  if (left <= UPDATE_MANAGERS_MAX) return;
  updaters.sort(([leftId, a], [rightId, b]) => seconds(a.time) - seconds(b.time) || compareText(leftId, rightId));
  const firstOfVersion = new Map<string, string>();
  for (const [identity, manager] of updaters) {
    if (left <= UPDATE_MANAGERS_MAX) return;
    const bucketManager: ManagerIdentity = { manager: ANCIENT_CHANGES, operation: 'Update', apiVersion: manager.apiVersion, subresource: '' };
    const bucket = identityOf(bucketManager);
    const first = firstOfVersion.get(manager.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(manager.apiVersion, identity);
      continue;
    }
    let base = managers.get(bucket)?.set;
    if (base === undefined) {
      base = managers.get(first)?.set ?? EMPTY_SET;
      managers.delete(first);
    }
    managers.delete(identity);
    managers.set(bucket, { ...bucketManager, set: union(manager.set, base), time: manager.time });
    left--;
  }
}
