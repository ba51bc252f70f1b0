/** Which replica set is the new one, which are old, and how a new one looks. Pure. */
import { replicasets, deployments, type Deployment, type ReplicaSet } from '#api/generated/apps/v1';
import type { PodTemplateSpec } from '#api/generated/core/v1';
import { formatGroupVersion } from '#machinery/gvk';
import { controllerReference } from '#semantics/owner-reference';
import { canonicalJson, templateHash } from '#semantics/template-hash';
import { newReplicaSetAnnotations, revisionOf } from './revisions.ts';
import { newSetSize } from './rolling.ts';
import { byCreation } from './sizes.ts';

export const HASH_LABEL = 'pod-template-hash';
const NAME_LENGTH_MAX = 253;

export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return templateText(a) === templateText(b);
}

function templateText(template: PodTemplateSpec): string {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return canonicalJson({ ...template, metadata: { ...template.metadata, creationTimestamp: undefined, labels } });
}

/** The oldest with the deployment's template: should there be several, all decide for the same. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byCreation).find((set) => sameTemplate(set.spec!.template!, deployment.spec!.template));
}

export function oldSets(newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.filter((set) => newSet === undefined || set.metadata.uid !== newSet.metadata.uid);
}

export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).reduce((most, revision) => (revision > most ? revision : most), 0n);
}

/** Its name is made from the template, so that a repeated creation meets the first. */
export function newReplicaSet(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet {
  const hash = templateHash(deployment.spec!.template, deployment.status?.collisionCount);
  const template = structuredClone(deployment.spec!.template);
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [HASH_LABEL]: hash } };
  const selector = structuredClone(deployment.spec!.selector);
  selector.matchLabels = { ...selector.matchLabels, [HASH_LABEL]: hash };
  const set: ReplicaSet = {
    apiVersion: formatGroupVersion(replicasets.group, replicasets.version), kind: replicasets.kind,
    metadata: {
      name: `${deployment.metadata.name!.slice(0, NAME_LENGTH_MAX - 1 - hash.length)}-${hash}`,
      namespace: deployment.metadata.namespace!,
      labels: { ...template.metadata.labels },
      ownerReferences: [controllerReference(deployment, deployments)],
      annotations: newReplicaSetAnnotations(deployment, undefined, maxRevision(old) + 1n, false),
    },
    spec: { replicas: 0, selector, template, ...(deployment.spec!.minReadySeconds && { minReadySeconds: deployment.spec!.minReadySeconds }) },
  };
  set.spec!.replicas = newSetSize(deployment, [...old, set], 0);
  return set;
}

function compareRevisions(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [revisionOf(a), revisionOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Old replica sets beyond the history limit that have and want no pods; oldest revisions first. */
export function surplusHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined).sort((a, b) => compareRevisions(a, b) || byCreation(a, b));
  return alive.slice(0, Math.max(0, alive.length - deployment.spec!.revisionHistoryLimit!))
    .filter((set) => (set.status?.replicas ?? 0) === 0 && set.spec!.replicas === 0 && (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0));
}
