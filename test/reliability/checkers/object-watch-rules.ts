/**
 * Judges one watch of the API by its events, against the log: order, uniqueness, no gap, and what Kubernetes adds.
 *
 * - An object that comes into the selection is ADDED, one that leaves it is DELETED, with the revision at which it left and its
 *   last state that was selected.
 * - `sendInitialEvents`: every selected object as ADDED, then exactly one bookmark that says so, then changes.
 * - At most one event per object and revision; bookmarks never run ahead.
 */
import type { Violation } from './strict-serializability.ts';
import type { StoreLog } from './store-log.ts';

export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly key: string;
  readonly revision: number;
  /** What identifies the object's state; '' for bookmarks. */
  readonly value: string;
  readonly initialEnd?: boolean;
}

export interface ObjectWatchRecord {
  readonly name: string;
  /** `initial`: with sendInitialEvents; a number: after it. */
  readonly from: 'initial' | number;
  readonly selects: (key: string, value: string) => boolean;
  readonly events: readonly ObjectEvent[];
  /** Everything up to here must have come. */
  readonly completeTo?: number;
}

type Fault = (rule: string, text: string) => void;

export function checkObjectWatch(record: ObjectWatchRecord, log: StoreLog): Violation[] {
  const violations: Violation[] = [];
  const fault: Fault = (rule, text) => { violations.push({ rule, text: `${record.name}: ${text}` }); };
  let position = record.from === 'initial' ? undefined : record.from;
  let rest = record.events;
  if (record.from === 'initial') {
    const end = record.events.findIndex((event) => event.initialEnd === true);
    if (end < 0) {
      if (record.completeTo !== undefined) fault('initial events', 'no bookmark says that they have ended');
      return violations;
    }
    position = record.events[end]!.revision;
    checkInitial(record.events.slice(0, end), position, record, log, fault);
    rest = record.events.slice(end + 1);
    if (rest.some((event) => event.initialEnd === true)) fault('initial events', 'a second bookmark says that they have ended');
  } else if (record.events.some((event) => event.initialEnd === true)) {
    fault('initial events', 'they were not asked for');
  }
  checkChanges(rest, position!, record, log, fault);
  return violations;
}

function checkInitial(events: readonly ObjectEvent[], revision: number, record: ObjectWatchRecord, log: StoreLog, fault: Fault): void {
  const expected = new Map(log.range('', '\u{10ffff}', revision).filter(({ key, value }) => record.selects(key, value)).map((item) => [item.key, item]));
  for (const event of events) {
    const item = expected.get(event.key);
    if (event.type !== 'ADDED') fault('initial events', `${event.type} ${event.key} is among them`);
    else if (item === undefined || item.revision !== event.revision || item.value !== event.value) fault('initial events', `${event.key} at ${event.revision} is not the state at ${revision}`);
    expected.delete(event.key);
  }
  for (const key of expected.keys()) fault('initial events', `${key} is missing at ${revision}`);
}

interface Expected { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly value: string }

/** What a change is to the watch; undefined: nothing. */
function expectation(key: string, revision: number, value: string | undefined, record: ObjectWatchRecord, log: StoreLog): Expected | undefined {
  const before = log.at(key, revision - 1);
  const was = before !== undefined && record.selects(key, before.value);
  const is = value !== undefined && record.selects(key, value);
  if (!was && !is) return undefined;
  return is ? { type: was ? 'MODIFIED' : 'ADDED', value: value! } : { type: 'DELETED', value: before!.value };
}

function checkChanges(events: readonly ObjectEvent[], after: number, record: ObjectWatchRecord, log: StoreLog, fault: Fault): void {
  const seen = new Set<string>();
  const bounds = { highest: after, marked: after };
  for (const event of events) {
    if (event.type === 'ERROR') continue;
    if (event.type === 'BOOKMARK') {
      if (event.revision < bounds.highest) fault('ordered', `the bookmark ${event.revision} came after ${bounds.highest}`);
      bounds.highest = Math.max(bounds.highest, event.revision);
      bounds.marked = bounds.highest;
      continue;
    }
    checkChange(event, after, bounds, seen, record, log, fault);
  }
  const until = Math.max(bounds.highest, record.completeTo ?? 0);
  let first = true;
  for (const { key, revision, value } of log.changes) {
    if (revision <= after || revision > until || expectation(key, revision, value, record, log) === undefined) continue;
    if (!seen.has(`${key} ${revision}`)) fault(first ? 'resumable' : 'reliable', `${key} at ${revision} did not come`);
    first = false;
  }
}

function checkChange(event: ObjectEvent, after: number, bounds: { highest: number; marked: number }, seen: Set<string>, record: ObjectWatchRecord, log: StoreLog, fault: Fault): void {
  const { key, revision } = event;
  const id = `${key} ${revision}`;
  if (seen.has(id)) fault('unique', `${id} came twice`);
  else if (revision <= after) fault('resumable', `${id} came, but the watch is after ${after}`);
  else if (revision <= bounds.marked) fault('bookmarkable', `${id} came after the bookmark ${bounds.marked}`);
  else if (revision < bounds.highest) fault('ordered', `${id} came after ${bounds.highest}`);
  seen.add(id);
  bounds.highest = Math.max(bounds.highest, revision);
  const state = log.at(key, revision);
  const changed = event.type === 'DELETED' && log.nextChange(key, revision - 1) === revision ? true : state?.revision === revision;
  if (!changed) { fault(event.type === 'DELETED' ? 'deletion revision' : 'truth', `${event.type} ${id}: nothing happened to it there`); return; }
  const wanted = expectation(key, revision, state?.revision === revision ? state.value : undefined, record, log);
  if (wanted === undefined) fault('filter', `${event.type} ${id} is not selected`);
  else if (wanted.type !== event.type) fault('selector transition', `${id} is ${event.type}, it should be ${wanted.type}`);
  else if (wanted.value !== event.value) fault(event.type === 'DELETED' ? 'last state' : 'truth', `${event.type} ${id} shows ${event.value}, it should be ${wanted.value}`);
}
