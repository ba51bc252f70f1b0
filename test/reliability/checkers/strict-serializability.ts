/**
 * Judges a history: is there one order of all operations that keeps real time and in which each is answered rightly?
 *
 * The store's revisions are that order for writes, so nothing needs to be searched. Each operation takes effect at a
 * position (a revision) and must satisfy
 *
 *     low  = the highest position of an operation that had ended before it started   ≤ position
 *     high = the highest revision of a write that had started before it ended        ≥ position
 *
 * A write's position is its revision, a list's the one it names. A get or a refused write names none: it takes the smallest
 * position from `low` on at which its answer was true, which leaves the most to those that follow. Reads that may be stale
 * need only keep what their own client has seen.
 */
import type { Get, List, Operation, Version, Write } from './history.ts';
import type { StoreLog } from './store-log.ts';

export interface Violation { readonly rule: string; readonly text: string }

export function checkStrictSerializability(operations: readonly Operation[], log: StoreLog, baseRevision: number): Violation[] {
  const violations: Violation[] = [];
  const fault = (rule: string, operation: Operation, text: string): void => { violations.push({ rule, text: `${describe(operation)}: ${text}` }); };
  const startOf = writeStarts(operations, log);
  const ends = [...operations].sort((a, b) => a.end - b.end);
  const starts = [...operations].sort((a, b) => a.start - b.start);
  const positions = new Map<Operation, number>();
  const seenBy = new Map<string, number>();
  let low = baseRevision;
  let ended = 0;
  for (const operation of starts) {
    // All that ended before this one started have their position already: they started earlier.
    while (ended < ends.length && ends[ended]!.end < operation.start) low = Math.max(low, positions.get(ends[ended++]!) ?? 0);
    const stale = operation.type !== 'write' && operation.stale === true;
    const position = positionOf(operation, stale ? seenBy.get(operation.client) ?? baseRevision : low, log, fault);
    if (position === undefined) continue;
    if (!stale && !(operation.type === 'list' && operation.exactly)) positions.set(operation, position);
    seenBy.set(operation.client, Math.max(seenBy.get(operation.client) ?? 0, position));
    const written = startOf(position);
    if (written !== undefined && written > operation.end) fault('sees the future', operation, `shows revision ${position}, whose write had not begun`);
  }
  return violations;
}

type Fault = (rule: string, operation: Operation, text: string) => void;

function positionOf(operation: Operation, low: number, log: StoreLog, fault: Fault): number | undefined {
  switch (operation.type) {
    case 'get': return positionOfGet(operation, operation.found, low, log, fault);
    case 'list': return checkList(operation, low, log, fault);
    case 'write': return checkWrite(operation, low, log, fault);
  }
}

/** The smallest revision from `low` on at which the key was as found. */
function positionOfGet(operation: Get | Write, found: Version | undefined, low: number, log: StoreLog, fault: Fault): number | undefined {
  const { key } = operation;
  if (found === undefined) {
    for (let at = low; at !== Infinity; at = log.nextChange(key, at)) if (log.at(key, at) === undefined) return at;
    fault('stale read', operation, `found nothing, but the key exists since before ${low}`);
    return undefined;
  }
  const state = log.at(key, found.revision);
  if (state === undefined || state.revision !== found.revision || state.value !== found.value) {
    fault('wrong read', operation, `found ${found.value} at ${found.revision}, the log says ${state === undefined ? 'nothing' : `${state.value} at ${state.revision}`}`);
    return undefined;
  }
  if (state.until <= low) fault('stale read', operation, `found revision ${found.revision}, replaced at ${state.until}, but ${low} had been seen before`);
  return Math.max(low, found.revision);
}

function checkList(operation: List, low: number, log: StoreLog, fault: Fault): number | undefined {
  const { revision, items } = operation;
  if (!operation.exactly && revision < low) fault('stale read', operation, `is of revision ${revision}, but ${low} had been seen before`);
  const expected = log.range(operation.first, operation.last, revision);
  const different = expected.findIndex((item, i) => items[i]?.key !== item.key || items[i]?.revision !== item.revision || items[i]?.value !== item.value);
  if (different >= 0 || items.length !== expected.length) {
    const at = different < 0 ? expected.length : different;
    fault('wrong snapshot', operation, `item ${at} is ${JSON.stringify(items[at])}, at revision ${revision} it was ${JSON.stringify(expected[at])}`);
  }
  return revision;
}

function checkWrite(operation: Write, low: number, log: StoreLog, fault: Fault): number | undefined {
  const { outcome, key, expected } = operation;
  if (outcome.kind === 'refused') {
    if (outcome.current === null) return undefined;
    if (expected !== undefined && (outcome.current?.revision ?? 0) === expected) fault('refused without a reason', operation, `the key is at ${expected}`);
    return positionOfGet(operation, outcome.current, low, log, fault);
  }
  if (outcome.kind !== 'done') return undefined;
  const { revision, previous } = outcome;
  const before = log.at(key, revision - 1);
  if (revision <= low) fault('write in the past', operation, `took revision ${revision}, but ${low} had been seen before`);
  if (expected !== undefined && (before?.revision ?? 0) !== expected) fault('condition ignored', operation, `the key was at ${before?.revision ?? 0}`);
  if (previous !== null && (previous?.revision !== before?.revision || previous?.value !== before?.value)) {
    fault('wrong previous', operation, `told ${JSON.stringify(previous)}, was ${JSON.stringify(before)}`);
  }
  return revision;
}

/** When the write with a revision began, acknowledged or not. */
function writeStarts(operations: readonly Operation[], log: StoreLog): (revision: number) => number | undefined {
  const byValue = new Map<string, number>();
  const byRevision = new Map<number, number>();
  for (const operation of operations) {
    if (operation.type !== 'write') continue;
    if (operation.value !== undefined) byValue.set(operation.value, operation.start);
    if (operation.outcome.kind === 'done') byRevision.set(operation.outcome.revision, operation.start);
  }
  for (const { revision, value } of log.changes) {
    const start = value === undefined ? undefined : byValue.get(value);
    if (start !== undefined) byRevision.set(revision, start);
  }
  return (revision) => byRevision.get(revision);
}

export function describe(operation: Operation): string {
  const when = `${operation.client} [${operation.start}, ${operation.end}]`;
  switch (operation.type) {
    case 'get': return `${when} get ${operation.key}`;
    case 'list': return `${when} list ${operation.first}${operation.exactly ? ` at ${operation.revision}` : ''}`;
    case 'write': return `${when} ${operation.value === undefined ? 'delete' : `put ${operation.value} to`} ${operation.key}${operation.expected === undefined ? '' : ` if ${operation.expected}`}`;
  }
}
