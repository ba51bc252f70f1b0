/**
 * Claims of pods → the bound volume → a directory of this node: hostPath and local volumes.
 */
import { stat } from 'node:fs/promises';
import { persistentvolumeclaims, persistentvolumes, type PersistentVolume, type PersistentVolumeClaim, type Pod, type Volume } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { isNotFound } from '#machinery/status-error';
import { checkHostPath } from './host-path.ts';
import { giveToGroup } from './ownership.ts';

export interface PersistentSetUp { hostPath: string; readOnly: boolean; groups?: readonly number[] }

export interface PersistentVolumes {
  /** @throws Error with what is missing. */
  setUp(pod: Pod, volume: Volume): Promise<PersistentSetUp>;
}

const GROUP_ANNOTATION = 'pv.beta.kubernetes.io/gid';

export function createPersistentVolumes(client: Client | undefined): PersistentVolumes {
  return {
    setUp: async (pod, volume) => {
      const name = volume.persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${volume.name}`;
      const where = `${pod.metadata.namespace}/${name}`;
      if (client === undefined) throw new Error(`error processing PVC ${where}: no API server`);
      const claim = await found(client.for(persistentvolumeclaims, pod.metadata.namespace).get(name), `persistentvolumeclaim "${name}" not found`);
      if (volume.ephemeral !== undefined && !ownedBy(claim, pod)) throw new Error(`error processing PVC ${where}: PVC was not created for pod ${pod.metadata.name} (pod is not owner)`);
      if (claim.metadata.deletionTimestamp !== undefined) throw new Error(`error processing PVC ${where}: PVC is being deleted`);
      if (claim.status?.phase !== 'Bound' || (claim.spec?.volumeName ?? '') === '') throw new Error(`error processing PVC ${where}: PVC is not bound`);
      const pv = await found(client.for(persistentvolumes).get(claim.spec!.volumeName!), `persistentvolume "${claim.spec!.volumeName}" not found`);
      return setUpVolume(pod, pv, volume.persistentVolumeClaim?.readOnly === true);
    },
  };
}

async function setUpVolume(pod: Pod, pv: PersistentVolume, readOnly: boolean): Promise<PersistentSetUp> {
  const group = Number(pv.metadata.annotations?.[GROUP_ANNOTATION] ?? NaN);
  const extra = Number.isInteger(group) ? { groups: [group] } : {};
  if (pv.spec?.hostPath !== undefined) {
    await checkHostPath(pv.spec.hostPath.path, pv.spec.hostPath.type);
    return { hostPath: pv.spec.hostPath.path, readOnly, ...extra };
  }
  if (pv.spec?.local !== undefined) {
    const path = pv.spec.local.path;
    if (!(await stat(path).then((entry) => entry.isDirectory(), () => false))) throw new Error(`path "${path}" does not exist`);
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (fsGroup !== undefined && !readOnly) await giveToGroup(path, fsGroup, { readOnly: false, onRootMismatch: pod.spec?.securityContext?.fsGroupChangePolicy === 'OnRootMismatch' });
    return { hostPath: path, readOnly, ...extra };
  }
  throw new Error(`no volume plugin matched for persistent volume "${pv.metadata.name}"`);
}

function ownedBy(claim: PersistentVolumeClaim, pod: Pod): boolean {
  return (claim.metadata.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === pod.metadata.uid);
}

async function found<T>(answer: Promise<T>, message: string): Promise<T> {
  try { return await answer; } catch (error) {
    if (isNotFound(error)) throw new Error(message);
    throw error;
  }
}
