/**
 * The synchronous half of a transaction: reads and stages in one step, sealed as one revision or taken back whole.
 *
 * Making it durable is the engine's business, as with single writes.
 */
import { KEY_LENGTH_MAX, LeaseNotFoundError, TooLargeError, VALUE_BYTES_MAX } from '../contract.ts';
import type { EngineCore } from './engine-core.ts';
import type { TransactionWriter } from './mvcc-store.ts';
import type { Version } from './version.ts';

/** Up to as many writes, watchers find their events made, with what was there before. */
const EVENTS_MADE_MAX = 1_000;

export interface TransactionHooks {
  /** Whether there is room. @throws NoSpaceError */
  readonly admit: (bytes: number) => void;
  readonly staged: (version: Version) => void;
  readonly takenBack: (versions: readonly Version[]) => void;
}

export interface StagedTransaction<T> { readonly result: T; readonly revision: number; readonly writes: number; readonly puts: number }

export function stageTransaction<T>(core: EngineCore, plan: (writer: TransactionWriter) => T, hooks: TransactionHooks): StagedTransaction<T> {
  core.assertOpen();
  const { keyspace, leases } = core;
  const before = keyspace.newest;
  let puts = 0;
  const writer: TransactionWriter = {
    put(key, value, leaseId) {
      if (key.length > KEY_LENGTH_MAX) throw new TooLargeError(`key is longer than ${KEY_LENGTH_MAX} characters`);
      if (value.length > VALUE_BYTES_MAX) throw new TooLargeError(`value is larger than ${VALUE_BYTES_MAX} bytes`);
      if (leaseId !== 0 && leases.get(leaseId) === undefined) throw new LeaseNotFoundError(`lease ${leaseId} not found`);
      hooks.admit(value.length);
      puts++;
      const version = keyspace.stage(key, value, leaseId);
      hooks.staged(version);
      return version;
    },
    remove(key) {
      const version = keyspace.stage(key, undefined, 0);
      hooks.staged(version);
      return version;
    },
  };
  let result: T;
  try {
    result = plan(writer);
  } catch (error) {
    hooks.takenBack(versionsAfter(core, before));
    keyspace.rollback(before);
    throw error;
  }
  const writes = keyspace.newest - before;
  if (writes > 1) keyspace.seal(before);
  if (writes <= EVENTS_MADE_MAX) for (const version of versionsAfter(core, before)) core.eventOf(version);
  return { result, revision: keyspace.newest, writes, puts };
}

function versionsAfter({ keyspace }: EngineCore, revision: number): Version[] {
  const versions: Version[] = [];
  for (let r = revision + 1; r <= keyspace.newest; r++) versions.push(keyspace.version(r)!);
  return versions;
}
