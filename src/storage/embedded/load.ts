/** Reads a store's records into the key space at start, and checks that they are all there. */
import type { Clock } from '#base/clock';
import { CorruptError } from '../contract.ts';
import type { EngineCore } from '../mvcc/engine-core.ts';
import type { Version } from '../mvcc/version.ts';
import type { EmbeddedDatabase } from './database.ts';
import { rowBytes } from './row-bytes.ts';

export interface LoadedStore { readonly rows: number; readonly bytes: number; readonly lastLeaseId: number }

/** @throws CorruptError when a record is damaged or missing. */
export function loadStore(database: EmbeddedDatabase, core: EngineCore, clock: Clock): LoadedStore {
  const versions: Version[] = [];
  let bytes = 0;
  for (const version of database.heads()) {
    versions.push(version);
    bytes += rowBytes(version);
  }
  const state = database.state();
  if (state === undefined) throw new CorruptError('the state record is missing');
  if (state.rows !== versions.length) throw new CorruptError(`${state.rows} records were written, ${versions.length} are found`);
  try {
    core.keyspace.load(versions, { dropped: state.dropped, compacted: state.compacted, published: state.revision });
  } catch (error) {
    throw new CorruptError((error as Error).message);
  }
  for (const { id, ttlMs, expiresAt } of database.leases()) {
    const lease = core.leases.add(id, ttlMs, expiresAt === 0 ? ttlMs : Math.min(ttlMs, Math.max(0, expiresAt - clock.now())));
    lease.renewed = expiresAt === 0;
  }
  for (const { key, leaseId, revision } of versions) {
    if (leaseId !== 0 && core.keyspace.newestOf(key)?.revision === revision) core.leases.attach(leaseId, key);
  }
  return { rows: state.rows, bytes, lastLeaseId: state.lastLeaseId };
}
