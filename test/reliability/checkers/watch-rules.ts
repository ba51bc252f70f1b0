/**
 * Judges one watch on an engine by what it delivered, against the log: the nine rules of etcd's robustness suite.
 *
 * ordered, unique, atomic (a revision is not split over batches), reliable (no gap), resumable (it begins right after its
 * revision), bookmarkable (nothing at or below a progress mark comes after it), filter, previous value, is-create.
 */
import type { WatchBatch } from '#storage/contract';
import type { Violation } from './strict-serializability.ts';
import type { StoreLog } from './store-log.ts';

export interface WatchRecord {
  readonly name: string;
  readonly start: string;
  readonly end: string;
  readonly afterRevision: number;
  readonly batches: readonly WatchBatch[];
  /** The watch was told to be complete up to here when it ended; undefined: it may have been cut off anywhere. */
  readonly completeTo?: number;
}

export function checkWatch(record: WatchRecord, log: StoreLog): Violation[] {
  const violations: Violation[] = [];
  const fault = (rule: string, text: string): void => { violations.push({ rule, text: `${record.name}: ${text}` }); };
  const seen = new Set<number>();
  let highest = record.afterRevision;
  let marked = record.afterRevision;
  for (const { events, revision } of record.batches) {
    for (const event of events) {
      const { key } = event;
      if (seen.has(event.revision)) fault('unique', `${event.revision} came twice`);
      else if (event.revision <= record.afterRevision) fault('resumable', `${event.revision} came, but the watch is after ${record.afterRevision}`);
      else if (event.revision <= marked) fault('bookmarkable', `${event.revision} came after the mark ${marked}`);
      else if (event.revision < highest) fault('ordered', `${event.revision} came after ${highest}`);
      if (key < record.start || key >= record.end) fault('filter', `${key} is not in [${record.start}, ${record.end})`);
      seen.add(event.revision);
      highest = Math.max(highest, event.revision);
      const now = event.type === 'delete' ? undefined : log.at(key, event.revision);
      if (event.type === 'delete' ? log.at(key, event.revision) !== undefined : now?.revision !== event.revision || now.value !== event.value.toString()) {
        fault('truth', `${event.type} of ${key} at ${event.revision} is not what the log says`);
      }
      const before = log.at(key, event.revision - 1);
      if (before?.revision !== event.previous?.modRevision || before?.value !== event.previous?.value.toString()) fault('previous', `of ${key} at ${event.revision}`);
      if (event.type === 'put' && event.created !== (before === undefined)) fault('is-create', `${key} at ${event.revision} is told as ${event.created ? 'created' : 'changed'}`);
    }
    const last = events.at(-1);
    if (last !== undefined && revision < last.revision) fault('bookmarkable', `the batch of ${last.revision} says it is at ${revision}`);
    marked = Math.max(marked, revision);
    highest = Math.max(highest, revision);
  }
  checkAtomic(record, fault);
  const until = Math.max(marked, record.completeTo ?? 0);
  for (const { key, revision } of log.changes) {
    if (revision <= record.afterRevision || revision > until || key < record.start || key >= record.end || seen.has(revision)) continue;
    fault(revision === firstAfter(record, log) ? 'resumable' : 'reliable', `${key} at ${revision} did not come`);
  }
  return violations;
}

function checkAtomic(record: WatchRecord, fault: (rule: string, text: string) => void): void {
  let before: number | undefined;
  for (const { events } of record.batches) {
    if (events.length === 0) continue;
    if (events[0]!.revision === before) fault('atomic', `revision ${before} was split`);
    before = events.at(-1)!.revision;
  }
}

function firstAfter(record: WatchRecord, log: StoreLog): number | undefined {
  return log.changes.find(({ key, revision }) => revision > record.afterRevision && key >= record.start && key < record.end)?.revision;
}
