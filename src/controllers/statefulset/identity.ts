/** The lasting identity of a stateful set's pods: ordinal, name, host name, claims. Pure. */
import { statefulsets, type ControllerRevision, type StatefulSet } from '#api/generated/apps/v1';
import type { PersistentVolumeClaim, Pod, Volume } from '#api/generated/core/v1';
import { controllerReference } from '#semantics/owner-reference';
import { podFromTemplate } from '../pod-control.ts';
import { templateOf } from '../revision-history.ts';

const NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const INDEX_LABEL = 'apps.kubernetes.io/pod-index';
export const REVISION_LABEL = 'controller-revision-hash';

export const startOrdinal = (set: StatefulSet): number => set.spec!.ordinals?.start ?? 0;
export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;
export const claimName = (set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string => `${template.metadata.name}-${podName(set, ordinal)}`;
export const podRevision = (pod: Pod): string => pod.metadata.labels?.[REVISION_LABEL] ?? '';

/** -1 for a pod whose name is not of this form. */
export function ordinalOf(pod: Pod): number {
  const match = /^(.*)-([0-9]+)$/.exec(pod.metadata.name ?? '');
  return match === null ? -1 : Number(match[2]);
}

export function isMember(set: StatefulSet, pod: Pod): boolean {
  return /^(.*)-([0-9]+)$/.exec(pod.metadata.name ?? '')?.[1] === set.metadata.name;
}

export function inRange(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + set.spec!.replicas!;
}

export function newPod(set: StatefulSet, revision: ControllerRevision, ordinal: number): Pod {
  const pod = podFromTemplate(templateOf(revision), set, controllerReference(set, statefulsets));
  delete pod.metadata.generateName;
  pod.metadata.name = podName(set, ordinal);
  pod.spec!.hostname = pod.metadata.name;
  if (set.spec!.serviceName) pod.spec!.subdomain = set.spec!.serviceName;
  setIdentity(set, pod);
  setStorage(set, pod);
  pod.metadata.labels![REVISION_LABEL] = revision.metadata.name!;
  return pod;
}

function setIdentity(set: StatefulSet, pod: Pod): void {
  const ordinal = ordinalOf(pod);
  pod.metadata.labels = { ...pod.metadata.labels, [NAME_LABEL]: podName(set, ordinal), [INDEX_LABEL]: String(ordinal) };
}

export function identityMatches(set: StatefulSet, pod: Pod): boolean {
  return ordinalOf(pod) >= 0 && isMember(set, pod) && pod.metadata.labels?.[NAME_LABEL] === pod.metadata.name;
}

export function storageMatches(set: StatefulSet, pod: Pod): boolean {
  const claims = new Map((pod.spec?.volumes ?? []).map((volume) => [volume.name, volume.persistentVolumeClaim?.claimName]));
  return (set.spec!.volumeClaimTemplates ?? []).every((template) => claims.get(template.metadata.name!) === claimName(set, template, ordinalOf(pod)));
}

/** The pod with identity and claims as they should be. */
export function repaired(set: StatefulSet, original: Pod): Pod {
  const pod = structuredClone(original);
  setIdentity(set, pod);
  setStorage(set, pod);
  return pod;
}

/** Claims come first and win over volumes of the template with the same name. */
function setStorage(set: StatefulSet, pod: Pod): void {
  const templates = set.spec!.volumeClaimTemplates ?? [];
  if (templates.length === 0) return;
  const claimed: Volume[] = templates.map((template) => ({ name: template.metadata.name!, persistentVolumeClaim: { claimName: claimName(set, template, ordinalOf(pod)), readOnly: false } }));
  const others = (pod.spec!.volumes ?? []).filter((volume) => !claimed.some(({ name }) => name === volume.name));
  pod.spec!.volumes = [...claimed, ...others];
}

/** The claims of one ordinal, as they are created. */
export function wantedClaims(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec!.volumeClaimTemplates ?? []).map((template) => ({
    metadata: {
      name: claimName(set, template, ordinal), namespace: set.metadata.namespace!,
      labels: { ...template.metadata.labels, ...set.spec!.selector.matchLabels }, ...(template.metadata.annotations !== undefined && { annotations: { ...template.metadata.annotations } }),
    },
    spec: structuredClone(template.spec!),
  }));
}
