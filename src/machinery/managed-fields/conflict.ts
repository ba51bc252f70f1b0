/**
 * The answer to an apply that would change what others own: one cause per field and owner. The texts are upstream's.
 */
import { quote } from '../go-print.ts';
import type { StatusCause } from '../meta.ts';
import { newApplyConflict } from '../status-error.ts';
import type { StatusError } from '../status-error.ts';
import { hasPath, pathsOf } from './field-set.ts';
import type { FieldPath, FieldSet } from './field-set.ts';
import type { ManagerIdentity } from './managers.ts';
import { elementText } from './path-element.ts';

export interface Conflict {
  readonly owner: ManagerIdentity;
  readonly path: FieldPath;
}

/** Thrown by the updater; becomes a Status at the room's border. */
export class ConflictsError extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('apply conflicts');
    this.conflicts = conflicts;
  }
}

/** @param sets the fields in conflict, by the identity of their owner. */
export function conflictsOf(sets: ReadonlyMap<string, { owner: ManagerIdentity; set: FieldSet }>): Conflict[] {
  return [...sets].sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([, { owner, set }]) => pathsOf(set).map((path) => ({ owner, path })));
}

export function withoutPaths(conflicts: readonly Conflict[], allowed: FieldSet): Conflict[] {
  return conflicts.filter(({ path }) => !hasPath(allowed, path));
}

export function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  const causes: StatusCause[] = conflicts.map(({ owner, path }) => (
    { reason: 'FieldManagerConflict', message: `conflict with ${ownerText(owner)}`, field: pathText(path) }));
  return newApplyConflict(causes, conflictText(conflicts));
}

function conflictText(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${ownerText(only.owner)}: ${pathText(only.path)}`;
  }
  const lines: string[] = [];
  let last: ManagerIdentity | undefined;
  for (const { owner, path } of conflicts) {
    if (owner !== last) lines.push(`conflicts with ${ownerText(owner)}:`);
    lines.push(`- ${pathText(path)}`);
    last = owner;
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function ownerText({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  return quote(manager) + (subresource === '' ? '' : ` with subresource ${quote(subresource)}`) + (operation === 'Update' ? ` using ${apiVersion}` : '');
}

function pathText(path: FieldPath): string {
  return path.map(elementText).join('');
}
