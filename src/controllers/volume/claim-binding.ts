/**
 * The two-sided bond of a claim and its volume, and the writes that make it. Each write is one step, so that after a crash
 * between any two the next reconciliation goes on:
 *
 *     volume.claimRef → volume Bound → claim.volumeName → claim Bound
 */
import { persistentvolumeclaims, persistentvolumes, type PersistentVolume, type PersistentVolumeClaim } from '#api/generated/core/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Client } from '#client/client';
import { semanticEqual } from '#machinery/deep-equal';

export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';

export interface BindingWriter {
  /** All four steps, those that are still to do. */
  bind(volume: PersistentVolume, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void>;
  setVolumePhase(volume: PersistentVolume, phase: string, signal: AbortSignal, message?: string): Promise<PersistentVolume>;
  setClaimPhase(claim: PersistentVolumeClaim, phase: string, signal: AbortSignal, volume?: PersistentVolume): Promise<PersistentVolumeClaim>;
  updateClaim(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolumeClaim>;
  /** Takes back what this controller has set; what a user reserved stays reserved. */
  unbind(volume: PersistentVolume, signal: AbortSignal): Promise<void>;
}

export function bindingWriter(client: Client, clock: Clock, wrote: { volume(volume: PersistentVolume): void; claim(claim: PersistentVolumeClaim): void }): BindingWriter {
  const volumes = client.for(persistentvolumes);

  async function updateVolume(volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolume> {
    const written = await volumes.update(volume, { signal });
    wrote.volume(written);
    return written;
  }

  async function updateClaim(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolumeClaim> {
    const written = await client.for(persistentvolumeclaims, claim.metadata.namespace).update(claim, { signal });
    wrote.claim(written);
    return written;
  }

  async function setVolumePhase(volume: PersistentVolume, phase: string, signal: AbortSignal, message?: string): Promise<PersistentVolume> {
    if (volume.status?.phase === phase && volume.status.message === message) return volume;
    const { message: _, reason: __, ...rest } = volume.status ?? {};
    const lastPhaseTransitionTime = volume.status?.phase === phase ? volume.status.lastPhaseTransitionTime : rfc3339(clock.now());
    const status = { ...rest, phase, ...(message !== undefined && { message }), ...(lastPhaseTransitionTime !== undefined && { lastPhaseTransitionTime }) };
    const written = await volumes.updateStatus({ ...volume, status }, { signal });
    wrote.volume(written);
    return written;
  }

  async function setClaimPhase(claim: PersistentVolumeClaim, phase: string, signal: AbortSignal, volume?: PersistentVolume): Promise<PersistentVolumeClaim> {
    const { accessModes: _, capacity: __, ...rest } = claim.status ?? {};
    // The file system may be grown later than the volume: a capacity that is there stays.
    const capacity = claim.status?.phase === phase ? claim.status.capacity : volume?.spec?.capacity?.['storage'] === undefined ? undefined : { storage: volume.spec.capacity['storage'] };
    const status = { ...rest, phase, ...(volume !== undefined && { accessModes: volume.spec!.accessModes!, ...(capacity !== undefined && { capacity }) }) };
    if (semanticEqual(status, claim.status)) return claim;
    const written = await client.for(persistentvolumeclaims, claim.metadata.namespace).updateStatus({ ...claim, status }, { signal });
    wrote.claim(written);
    return written;
  }

  async function bindVolume(volume: PersistentVolume, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolume> {
    const reference = volume.spec!.claimRef;
    if (reference?.uid === claim.metadata.uid && reference?.kind === 'PersistentVolumeClaim') return volume;
    const { name, namespace, uid, resourceVersion } = claim.metadata;
    const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: namespace!, name: name!, uid: uid!, resourceVersion: resourceVersion! };
    const annotations = { ...volume.metadata.annotations, ...(reference === undefined && { [BOUND_BY_CONTROLLER]: 'yes' }) };
    return updateVolume({ ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec!, claimRef } }, signal);
  }

  async function bindClaim(volume: PersistentVolume, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolumeClaim> {
    const bound = claim.spec!.volumeName === volume.metadata.name;
    if (bound && claim.metadata.annotations?.[BIND_COMPLETED] !== undefined) return claim;
    const annotations = { ...claim.metadata.annotations, [BIND_COMPLETED]: 'yes', ...(!bound && { [BOUND_BY_CONTROLLER]: 'yes' }) };
    return updateClaim({ ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec!, volumeName: volume.metadata.name! } }, signal);
  }

  return {
    setVolumePhase, setClaimPhase, updateClaim,
    async bind(volume, claim, signal) {
      const boundVolume = await setVolumePhase(await bindVolume(volume, claim, signal), 'Bound', signal);
      await setClaimPhase(await bindClaim(boundVolume, claim, signal), 'Bound', signal, boundVolume);
    },
    async unbind(volume, signal) {
      const { [BOUND_BY_CONTROLLER]: ours, ...annotations } = volume.metadata.annotations ?? {};
      const { claimRef, ...spec } = volume.spec!;
      const { uid: _, ...reserved } = claimRef ?? {};
      const freed = await updateVolume({ ...volume, metadata: { ...volume.metadata, annotations }, spec: ours !== undefined ? spec : { ...spec, claimRef: reserved } }, signal);
      await setVolumePhase(freed, 'Available', signal);
    },
  };
}
