/**
 * Which volumes a node has to have attached, which may be taken from it. Pure.
 *
 * A volume goes only when no pod there uses it and the kubelet has unmounted it (`volumesInUse`); a node that is silent for
 * six minutes, out of service or gone is not asked any more.
 */
import { createHash } from 'node:crypto';
import type { Node, PersistentVolume, Pod } from '#api/generated/core/v1';
import type { VolumeAttachment } from '#api/generated/storage/v1';
import { isConditionTrue } from '#semantics/condition';
import { isPodTerminal } from '#semantics/pod-state';

export const UNMOUNT_WAIT_MS = 6 * 60_000;
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

export interface AttachInput {
  readonly nodeName: string;
  /** Undefined: the node is gone. */
  readonly node: Node | undefined;
  readonly pods: readonly Pod[];
  /** The CSI volumes of a pod that need attaching. */
  volumesOf(pod: Pod): readonly PersistentVolume[];
  /** Of this node. */
  readonly present: readonly VolumeAttachment[];
  /** Attachments of the same volume on other nodes. */
  elsewhere(volume: PersistentVolume): readonly VolumeAttachment[];
  /** When an unused volume was first seen as such. */
  unusedSinceMs(attachment: VolumeAttachment): number;
  readonly nowMs: number;
}

export interface AttachPlan {
  readonly attach: PersistentVolume[];
  readonly detach: VolumeAttachment[];
  /** Exclusive, and still on another node. */
  readonly blocked: { readonly volume: PersistentVolume; readonly pods: readonly Pod[] }[];
  /** `volumesAttached` of the node's status. */
  readonly attached: { name: string; devicePath: string }[];
  /** Something waits for the kubelet. */
  readonly waiting: boolean;
}

/** As all components name it. */
export function uniqueVolumeName(volume: PersistentVolume): string {
  return `kubernetes.io/csi/${volume.spec!.csi!.driver}^${volume.spec!.csi!.volumeHandle}`;
}

export function attachmentName(volume: PersistentVolume, nodeName: string): string {
  return `csi-${createHash('sha256').update(`${volume.spec!.csi!.volumeHandle}${volume.spec!.csi!.driver}${nodeName}`).digest('hex')}`;
}

function isExclusive(volume: PersistentVolume): boolean {
  return !(volume.spec?.accessModes ?? []).some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
}

export function planAttachments(input: AttachInput, volumeOf: (attachment: VolumeAttachment) => PersistentVolume | undefined): AttachPlan {
  const wanted = new Map<string, { volume: PersistentVolume; pods: Pod[] }>();
  for (const pod of input.node === undefined ? [] : input.pods) {
    if (isPodTerminal(pod)) continue;
    for (const volume of input.volumesOf(pod)) {
      const name = attachmentName(volume, input.nodeName);
      const entry = wanted.get(name) ?? { volume, pods: [] };
      entry.pods.push(pod);
      wanted.set(name, entry);
    }
  }
  const plan: AttachPlan & { waiting: boolean } = { attach: [], detach: [], blocked: [], attached: [], waiting: false };
  const present = new Map(input.present.map((attachment) => [attachment.metadata.name!, attachment]));
  for (const [name, { volume, pods }] of wanted) {
    if (present.has(name)) continue;
    if (isExclusive(volume) && input.elsewhere(volume).length > 0) plan.blocked.push({ volume, pods });
    else plan.attach.push(volume);
  }
  const inUse = new Set(input.node?.status?.volumesInUse);
  for (const [name, attachment] of present) {
    const volume = volumeOf(attachment);
    const unique = volume?.spec?.csi === undefined ? undefined : uniqueVolumeName(volume);
    if (wanted.has(name) && attachment.metadata.deletionTimestamp === undefined) {
      if (attachment.status?.attached === true && unique !== undefined) plan.attached.push({ name: unique, devicePath: '' });
      continue;
    }
    if (attachment.metadata.deletionTimestamp !== undefined) continue;
    const mounted = unique !== undefined && inUse.has(unique);
    if (!mounted || mayForce(input, attachment)) plan.detach.push(attachment);
    else {
      plan.waiting = true;
      plan.attached.push({ name: unique!, devicePath: '' });
    }
  }
  plan.attached.sort((a, b) => (a.name < b.name ? -1 : 1));
  return plan;
}

function mayForce(input: AttachInput, attachment: VolumeAttachment): boolean {
  const { node } = input;
  if (node === undefined || node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE) === true) return true;
  return !isConditionTrue(node.status?.conditions, 'Ready') && input.nowMs - input.unusedSinceMs(attachment) > UNMOUNT_WAIT_MS;
}
