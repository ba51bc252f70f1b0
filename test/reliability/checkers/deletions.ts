/**
 * Finds the revisions of deletions that were acknowledged without one: the API answers a DELETE with a Status. Each named the
 * revision it deletes, so it is the change that follows that one.
 */
import type { Operation } from './history.ts';
import type { StoreLog } from './store-log.ts';

/** A revision at which there is nothing, so that the ledger misses it. */
const NOWHERE = Number.MAX_SAFE_INTEGER;

export function withDeletionRevisions(operations: readonly Operation[], log: StoreLog): Operation[] {
  return operations.map((operation) => {
    if (operation.type !== 'write' || operation.outcome.kind !== 'done' || operation.outcome.revision !== 0) return operation;
    const at = log.nextChange(operation.key, operation.expected ?? 0);
    const revision = at !== Infinity && log.at(operation.key, at) === undefined ? at : NOWHERE;
    return { ...operation, outcome: { ...operation.outcome, revision } };
  });
}
