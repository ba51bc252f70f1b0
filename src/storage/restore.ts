/**
 * Restores a snapshot into an empty engine of any kind: the way to move between engines.
 *
 * No client may see time go back: revisions that clients know from the old store must not come again with other meaning.
 * So the new store's revision is first moved past the snapshot's (plus a margin for what was written after it was taken),
 * then the keys are written. An embedded store that is not open is restored faster, and
 * with the old revisions of its objects, by `embedded/offline.ts`.
 */
import type { Clock } from '#base/clock';
import type { KeyValue, StorageEngine } from './contract.ts';
import { inspectSnapshot, readSnapshot, type SnapshotSummary } from './snapshot.ts';

/** How far revisions are moved ahead of the snapshot's: more than is written between two snapshots. */
export const REVISIONS_AHEAD = 10_000;

const PADDING_KEY = '/kubernode/restore';
const IN_FLIGHT = 128;

export interface RestoreOptions {
  readonly clock: Clock;
  readonly revisionsAhead?: number;
  readonly signal?: AbortSignal;
}

export interface RestoreResult { readonly snapshot: SnapshotSummary; readonly revision: number; /** Keys whose lease had ended. */ readonly expired: number }

/** @throws CorruptError when the snapshot is damaged (nothing is written then); Error when the engine is not empty. */
export async function restoreInto(engine: StorageEngine, path: string, options: RestoreOptions): Promise<RestoreResult> {
  const { clock, revisionsAhead = REVISIONS_AHEAD, signal } = options;
  const { groups: _, ...snapshot } = await inspectSnapshot(path);
  if ((await engine.status()).keys > 0) throw new Error('the store is not empty: restore into an empty one');

  const target = snapshot.revision + revisionsAhead;
  for (let missing = target - await engine.currentRevision(signal); missing > 0; missing -= IN_FLIGHT) {
    const padding = Array.from({ length: Math.min(IN_FLIGHT, missing) }, () => engine.write({ key: PADDING_KEY, value: Buffer.alloc(0) }, signal));
    await Promise.all(padding);
  }
  await engine.write({ key: PADDING_KEY, value: undefined }, signal);
  await engine.compact(await engine.currentRevision(signal));

  const leases = new Map<number, number | undefined>();
  let expired = 0;
  let writing: Promise<unknown>[] = [];
  const write = async (item: KeyValue): Promise<void> => {
    const lease = item.leaseId === undefined ? {} : { leaseId: leases.get(item.leaseId) };
    if ('leaseId' in lease && lease.leaseId === undefined) { expired++; return; }
    await engine.write({ key: item.key, value: Buffer.from(item.value), ...lease as { leaseId?: number } }, signal);
  };
  for await (const records of readSnapshot(path)) for (const record of records) {
    if (record.type === 'lease') {
      const leftMs = record.lease.expiresAt - clock.now();
      leases.set(record.lease.id, leftMs > 0 ? await engine.grantLease(Math.ceil(leftMs / 1000)) : undefined);
    } else if (record.type === 'key') {
      writing.push(write(record.item));
      if (writing.length < IN_FLIGHT) continue;
      await Promise.all(writing);
      writing = [];
    }
  }
  await Promise.all(writing);
  return { snapshot, revision: await engine.currentRevision(signal), expired };
}
