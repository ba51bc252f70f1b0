/** Judges a pod by a level and version: the checks in force, in upstream's order. */
import type { PodSpec } from '#api/generated/core/v1';
import type { ObjectMeta } from '#machinery/meta';
import { BASELINE_CHECKS } from './baseline-checks.ts';
import { subjectOf, type Check, type CheckPod, type Violation } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { RESTRICTED_CHECKS } from './restricted-checks.ts';

const inForce = new Map<string, readonly CheckPod[]>();

export function violations(wanted: LevelVersion, metadata: ObjectMeta, spec: PodSpec): Violation[] {
  if (wanted.level === 'privileged') return [];
  const key = `${wanted.level}:${wanted.minor}`;
  let checks = inForce.get(key);
  if (checks === undefined) inForce.set(key, checks = checksFor(wanted));
  const subject = subjectOf(metadata, spec);
  return checks.flatMap((check) => check(subject) ?? []);
}

function checksFor({ level, minor }: LevelVersion): CheckPod[] {
  const revisionOf = ({ revisions }: Check): Check['revisions'][number] | undefined => revisions.findLast(({ since }) => since <= minor);
  const restricted = level === 'restricted' ? RESTRICTED_CHECKS : [];
  const overridden = new Set(restricted.flatMap((check) => revisionOf(check)?.overrides ?? []));
  const baseline = BASELINE_CHECKS.filter(({ id }) => !overridden.has(id));
  return [...baseline, ...restricted].flatMap((check) => revisionOf(check)?.check ?? []);
}

/** `privileged (container "c" must not …), hostPort (…)`. */
export function detailText(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}

export function reasonText(found: readonly Violation[]): string {
  return found.map(({ reason }) => reason).join(', ');
}
