/**
 * The tables behind their log: a batch is durable when it is in the log, and comes into the tables later, with others.
 *
 *     commit ──▶ log (one synchronous write) ──▶ answered            ┌ batches that the tables do not hold yet
 *                 └──▶ queue ──── checkpoint: many batches, one commit of LMDB ──▶ their place in the log is free
 *
 * Invariants: the tables' own state row says up to which record of the log they hold everything, in the same commit as the rows
 * themselves, so that a record is never missed or taken twice; values of the queue can be read. Rows that go need no
 * record: what compaction does not remove before a crash, it removes after.
 */
import type { Clock, Timer } from '#base/clock';
import { systemRandom } from '#base/random';
import { CorruptError, type UnavailableError } from '../contract.ts';
import type { Version } from '../mvcc/version.ts';
import type { EmbeddedDatabase, RowBatch, StoreTables } from './database.ts';
import { DISK_FULL, DiskFullError } from './disk-full-error.ts';
import { checkValue, FORMAT_VERSION, rowOf, type LogMark, type StoreRow, type StoreState } from './record.ts';
import { rowBytes } from './row-bytes.ts';
import { readLog, removeLog, WriteAheadLog } from './write-ahead-log.ts';

/** Bytes of rows in the queue at which a checkpoint begins. */
const CHECKPOINT_BYTES = 768 * 1024;
/** Or so long after the first of them. */
const CHECKPOINT_INTERVAL_MS = 1_000;
/** Rows of one commit of the tables: bounds its synchronous part. A batch is never split. */
const CHECKPOINT_ROWS_MAX = 1_000;
/** Rows to be removed in the queue, above which writers wait. */
const QUEUED_REMOVALS_MAX = 4_000;

interface Queued extends RowBatch {
  readonly bytes: number;
  /** The newest record of the log at or before this batch. */
  readonly number: number;
}

export interface LoggedDatabaseOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Whether a commit of so many bytes may be tried. */
  readonly admits: (bytes: number, puts: boolean) => boolean;
}

export function newLogMark(): LogMark { return { salt: systemRandom.bytes(4).readUInt32LE(0), applied: 0 }; }

/**
 * Brings what the log holds into the tables, and answers their state: a step of each opening.
 * @throws CorruptError; DiskFullError when there is no room for it
 */
export async function recoverLog(tables: StoreTables, directory: string, admits: LoggedDatabaseOptions['admits']): Promise<StoreState & { readonly log: LogMark }> {
  const state = tables.state();
  if (state === undefined) throw new CorruptError('the state record is missing');
  let whole = { ...state, format: FORMAT_VERSION, log: state.log ?? newLogMark() };
  if (state.log === undefined) {
    removeLog(directory);
    await tables.commitRows({ rows: [], removed: [], leases: [], endedLeases: [], state: whole });
    return whole;
  }
  const frames = readLog(directory, whole.log);
  if (frames.length > 0) checkRows(tables, state);
  for (let at = 0; at < frames.length;) {
    const rows: StoreRow[] = [];
    const leases = new Map<number, RowBatch['leases'][number]>();
    const endedLeases = new Set<number>();
    let bytes = 0;
    for (; at < frames.length && (rows.length === 0 || (rows.length < CHECKPOINT_ROWS_MAX && bytes < CHECKPOINT_BYTES)); at++) {
      const { number, frame } = frames[at]!;
      rows.push(...frame.rows);
      for (const lease of frame.leases) { leases.set(lease.id, lease); endedLeases.delete(lease.id); }
      for (const id of frame.endedLeases) { leases.delete(id); endedLeases.add(id); }
      for (const { head, value } of frame.rows) bytes += head.length + (value?.length ?? 0);
      const { revision, compacted, lastLeaseId } = frame;
      whole = { ...whole, revision, compacted, lastLeaseId, rows: whole.rows + frame.rows.length, log: { ...whole.log, applied: number } };
    }
    if (!admits(bytes, false)) throw new DiskFullError(`the disk of the store in ${directory} is full: free space, then start again`);
    await tables.commitRows({ rows, removed: [], leases: [...leases.values()], endedLeases: [...endedLeases], state: whole });
  }
  return whole;
}

/** Before anything is written: tables that are damaged stay as they are. */
function checkRows(tables: StoreTables, state: StoreState): void {
  let found = 0;
  for (const _ of tables.heads()) found++;
  if (found !== state.rows) throw new CorruptError(`${state.rows} records were written, ${found} are found`);
}

/** @param mark as `recoverLog` answered it. */
export function logged(tables: StoreTables, mark: LogMark, { directory, clock, admits }: LoggedDatabaseOptions): EmbeddedDatabase {
  const queue: Queued[] = [];
  let queuedBytes = 0;
  let queuedRemovals = 0;
  let logged = mark.applied;
  let loggedCompacted = tables.state()?.compacted ?? 0;
  let failure: UnavailableError | undefined;
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  const log = new WriteAheadLog(directory, mark, {
    hasRoom: (bytes) => admits(bytes, false),
    async makeRoom() {
      await drained();
      if (failure !== undefined) throw failure;
      if (queue.length > 0) throw new DiskFullError(DISK_FULL);
    },
  });

  /** As many whole batches as one commit of the tables takes. */
  function take(): { batch: RowBatch; count: number; number: number } {
    const parts = { rows: [] as StoreRow[], removed: [] as Version[], leases: [] as RowBatch['leases'][number][], ended: [] as number[] };
    let count = 0;
    let state: StoreState | undefined;
    for (; count < queue.length && (count === 0 || parts.rows.length + parts.removed.length < CHECKPOINT_ROWS_MAX); count++) {
      const batch = queue[count]!;
      parts.rows.push(...batch.rows);
      parts.removed.push(...batch.removed);
      // A lease's row and its end keep their order by leaving out rows that have ended since.
      parts.leases = parts.leases.filter(({ id }) => !batch.endedLeases.includes(id));
      parts.ended = parts.ended.filter((id) => !batch.leases.some((lease) => lease.id === id));
      parts.leases.push(...batch.leases);
      parts.ended.push(...batch.endedLeases);
      state = batch.state ?? state;
    }
    const { number } = queue[count - 1]!;
    const whole = state === undefined ? {} : { state: { ...state, log: { salt: mark.salt, applied: number } } };
    return { batch: { rows: parts.rows, removed: parts.removed, leases: parts.leases, endedLeases: parts.ended, ...whole }, count, number };
  }

  /** What is queued now comes into the tables; stays queued while the disk has no room for it. */
  async function drain(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    for (let left = queue.length; left > 0 && failure === undefined;) {
      if (!admits(queuedBytes, false)) break;
      const { batch, count, number } = take();
      try {
        await tables.commitRows(batch);
      } catch (error) {
        failure = error as UnavailableError;
        return;
      }
      for (const done of queue.splice(0, count)) {
        queuedBytes -= done.bytes;
        queuedRemovals -= done.removed.length;
      }
      log.release(number);
      left -= count;
    }
    if (queue.length > 0) later();
  }

  function checkpoint(): Promise<void> {
    running ??= drain().finally(() => { running = undefined; });
    return running;
  }

  function later(): void { timer ??= clock.setTimer(CHECKPOINT_INTERVAL_MS, () => { void checkpoint(); }, { unref: true }); }

  /** A value that is not in the tables yet. */
  function queued(version: Version): Buffer | undefined {
    for (let i = queue.length - 1; i >= 0; i--) {
      const first = queue[i]!.rows[0]?.revision;
      const row = first === undefined ? undefined : queue[i]!.rows[version.revision - first];
      if (row?.revision === version.revision) return checkValue(version, row.value);
    }
    return undefined;
  }

  async function drained(): Promise<void> {
    await running;
    if (queue.length > 0 && failure === undefined) await checkpoint();
  }

  return {
    state: tables.state,
    heads: tables.heads,
    leases: tables.leases,
    readers: tables.readers,
    value: (version) => queued(version) ?? tables.value(version),
    peek: (version) => queued(version) ?? tables.peek(version),
    async commit(batch) {
      if (failure !== undefined) throw failure;
      const { versions, removed, leases, endedLeases, state } = batch;
      let bytes = 0;
      for (const version of versions) bytes += rowBytes(version);
      if (!admits(bytes + queuedBytes, versions.some((version) => !version.deleted))) throw new DiskFullError(DISK_FULL);
      const rows = versions.map(rowOf);
      const { revision, compacted, lastLeaseId } = state!;
      if (rows.length > 0 || leases.length > 0 || endedLeases.length > 0 || compacted > loggedCompacted) {
        try {
          logged = await log.append({ rows, leases, endedLeases, revision, compacted, lastLeaseId });
        } catch (error) {
          if (!(error instanceof DiskFullError)) failure = error as UnavailableError;
          throw error;
        }
        loggedCompacted = compacted;
      }
      queue.push({ rows, removed, leases, endedLeases, state: state!, bytes, number: logged });
      queuedBytes += bytes;
      queuedRemovals += removed.length;
      if (queuedBytes >= CHECKPOINT_BYTES || removed.length > 0) void checkpoint(); else later();
      // Nobody waits for rows that go; they must not go faster than the disk takes it.
      if (rows.length === 0 && removed.length > 0 || queuedRemovals > QUEUED_REMOVALS_MAX) await drained();
      if (failure !== undefined) throw failure;
    },
    async copyTo(path) {
      await drained();
      await tables.copyTo(path);
    },
    async close() {
      timer?.cancel();
      await drained();
      timer?.cancel();
      log.close();
      await tables.close();
    },
  };
}
