/** Going back to an earlier revision by the `deprecated.deployment.rollback.to` annotation. Pure. */
import type { Deployment, ReplicaSet } from '#api/generated/apps/v1';
import { HASH_LABEL, sameTemplate } from './replica-sets.ts';
import { parseRevision, revisionOf, ROLLBACK_TO, rolledBackAnnotations } from './revisions.ts';

export interface RollbackPlan { readonly done: boolean; readonly reason: string; readonly message: string; readonly deployment: Deployment }

export function planRollback(deployment: Deployment, sets: readonly ReplicaSet[]): RollbackPlan {
  const asked = parseRevision(deployment.metadata.annotations?.[ROLLBACK_TO]) ?? 0n;
  const revision = asked === 0n ? lastRevision(sets) : asked;
  const target = revision === 0n ? undefined : sets.find((set) => revisionOf(set) === revision);
  const cleared = withoutRequest(deployment);
  if (revision === 0n) return { done: false, reason: 'DeploymentRollbackRevisionNotFound', message: 'Unable to find last revision.', deployment: cleared };
  if (target === undefined) return { done: false, reason: 'DeploymentRollbackRevisionNotFound', message: 'Unable to find the revision to rollback to.', deployment: cleared };
  if (sameTemplate(deployment.spec!.template, target.spec!.template!)) {
    return { done: false, reason: 'DeploymentRollbackTemplateUnchanged', message: `The rollback revision contains the same template as current deployment "${deployment.metadata.name}"`, deployment: cleared };
  }
  const template = structuredClone(target.spec!.template!);
  delete template.metadata?.labels?.[HASH_LABEL];
  const annotations = rolledBackAnnotations(cleared, target);
  return {
    done: true, reason: 'DeploymentRollback', message: `Rolled back deployment "${deployment.metadata.name}" to revision ${revision}`,
    deployment: { ...cleared, metadata: { ...cleared.metadata, annotations }, spec: { ...cleared.spec!, template } },
  };
}

/** The one before the newest; 0 when there is none. */
function lastRevision(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))[1] ?? 0n;
}

function withoutRequest(deployment: Deployment): Deployment {
  const { [ROLLBACK_TO]: _, ...annotations } = deployment.metadata.annotations ?? {};
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}
