/**
 * What the kubelet writes on sandboxes and containers, so that after a restart the runtime alone tells what belongs to whom.
 *
 * Keys are upstream's: log shippers, `crictl` and monitoring read them. Reading is lenient (another version may have written).
 */
import type { Container, Pod } from '#api/generated/core/v1';

export const POD_NAME_LABEL = 'io.kubernetes.pod.name';
export const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
export const CONTAINER_NAME_LABEL = 'io.kubernetes.container.name';
const HASH = 'io.kubernetes.container.hash';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath';
const MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy';
const PRE_STOP = 'io.kubernetes.container.preStopHandler';
const PORTS = 'io.kubernetes.container.ports';
const DELETION_GRACE = 'io.kubernetes.pod.deletionGracePeriod';
const TERMINATION_GRACE = 'io.kubernetes.pod.terminationGracePeriod';

export function podLabels(pod: Pod): Record<string, string> {
  return { ...pod.metadata.labels, [POD_NAME_LABEL]: pod.metadata.name!, [POD_NAMESPACE_LABEL]: pod.metadata.namespace!, [POD_UID_LABEL]: pod.metadata.uid! };
}

export function podAnnotations(pod: Pod): Record<string, string> {
  return { ...pod.metadata.annotations };
}

export function containerLabels(pod: Pod, container: Container): Record<string, string> {
  return {
    [POD_NAME_LABEL]: pod.metadata.name!, [POD_NAMESPACE_LABEL]: pod.metadata.namespace!, [POD_UID_LABEL]: pod.metadata.uid!,
    [CONTAINER_NAME_LABEL]: container.name,
  };
}

export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Record<string, string> {
  const annotations: Record<string, string> = {
    [HASH]: containerHash(container), [RESTART_COUNT]: String(restartCount),
    [MESSAGE_PATH]: container.terminationMessagePath ?? '', [MESSAGE_POLICY]: container.terminationMessagePolicy ?? '',
  };
  if (pod.metadata.deletionGracePeriodSeconds !== undefined) annotations[DELETION_GRACE] = String(pod.metadata.deletionGracePeriodSeconds);
  if (pod.spec?.terminationGracePeriodSeconds !== undefined) annotations[TERMINATION_GRACE] = String(pod.spec.terminationGracePeriodSeconds);
  if (container.lifecycle?.preStop !== undefined) annotations[PRE_STOP] = JSON.stringify(container.lifecycle.preStop);
  if ((container.ports ?? []).length > 0) annotations[PORTS] = JSON.stringify(container.ports);
  return annotations;
}

/** A change means: another container. Only what cannot change in place: name and image. */
export function containerHash(container: Container): string {
  return fnv32a(JSON.stringify({ name: container.name, image: container.image ?? '' })).toString(16);
}

export interface ContainerRecord {
  hash: string;
  restartCount: number;
  terminationMessagePath: string;
  terminationMessagePolicy: string;
  /** Absent when the pod had none. */
  terminationGraceSeconds?: number;
  preStop?: NonNullable<Container['lifecycle']>['preStop'];
}

export function readContainerAnnotations(annotations: Readonly<Record<string, string>>): ContainerRecord {
  const grace = Number(annotations[TERMINATION_GRACE] ?? NaN);
  const preStop = parseJson(annotations[PRE_STOP]);
  return {
    hash: annotations[HASH] ?? '', restartCount: Number(annotations[RESTART_COUNT] ?? 0) || 0,
    terminationMessagePath: annotations[MESSAGE_PATH] ?? '', terminationMessagePolicy: annotations[MESSAGE_POLICY] ?? '',
    ...(Number.isFinite(grace) ? { terminationGraceSeconds: grace } : {}), ...(preStop === undefined ? {} : { preStop }),
  };
}

function parseJson(text: string | undefined): NonNullable<ContainerRecord['preStop']> | undefined {
  if (text === undefined) return undefined;
  try { return JSON.parse(text) as NonNullable<ContainerRecord['preStop']>; } catch { return undefined; }
}

function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
