/**
 * Judges writes against the log: what was acknowledged is there, once, at its revision; what was refused is not; and nothing is
 * there that nobody wrote.
 */
import type { Operation, Write } from './history.ts';
import { describe, type Violation } from './strict-serializability.ts';
import type { StoreLog } from './store-log.ts';

/** @param foreign changes that others made: they are not looked at. */
export function checkLedger(operations: readonly Operation[], log: StoreLog, foreign: (key: string) => boolean = () => false): Violation[] {
  const violations: Violation[] = [];
  const fault = (rule: string, text: string): void => { violations.push({ rule, text }); };
  const byRevision = new Map(log.changes.map((change) => [change.revision, change]));
  const byValue = new Map<string, Write>();
  const deletes = new Map<string, number>();
  const attributed = new Set<number>();
  for (const operation of operations) {
    if (operation.type !== 'write') continue;
    const { outcome, key, value } = operation;
    if (value !== undefined) byValue.set(value, operation);
    if (value === undefined && outcome.kind === 'unknown') deletes.set(key, (deletes.get(key) ?? 0) + 1);
    if (outcome.kind !== 'done') continue;
    const change = byRevision.get(outcome.revision);
    if (change === undefined) fault('lost', `${describe(operation)}: acknowledged at ${outcome.revision}, where the log has nothing`);
    else if (change.key !== key || change.value !== value) fault('lost', `${describe(operation)}: at ${outcome.revision} the log has ${change.value ?? 'a deletion'} of ${change.key}`);
    if (attributed.has(outcome.revision)) fault('doubled', `${describe(operation)}: revision ${outcome.revision} was given to two writes`);
    attributed.add(outcome.revision);
  }
  const applied = new Set<string>();
  for (const { revision, key, value } of log.changes) {
    if (foreign(key)) continue;
    if (value === undefined) {
      if (attributed.has(revision)) continue;
      const left = deletes.get(key) ?? 0;
      if (left === 0) fault('out of nothing', `nobody deleted ${key} at ${revision}`);
      deletes.set(key, left - 1);
      continue;
    }
    const writer = byValue.get(value);
    if (writer === undefined) { fault('out of nothing', `nobody wrote ${value} to ${key} at ${revision}`); continue; }
    if (applied.has(value)) fault('doubled', `${describe(writer)}: applied again at ${revision}`);
    applied.add(value);
    if (writer.outcome.kind === 'refused' || writer.outcome.kind === 'failed') fault('refused and applied', `${describe(writer)}: is at ${revision}`);
  }
  return violations;
}
