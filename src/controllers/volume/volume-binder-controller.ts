/**
 * Binds claims to persistent volumes, asks external provisioners for those that have none, and sees to volumes whose claim
 * is gone.
 *
 * One worker: a volume must not be given to two claims, and a claim not get two volumes; nothing is decided before the
 * caches show the last write. Provisioning itself, and deleting what a volume holds, is the CSI drivers' work. Only the
 * object of a host path below /tmp is deleted here, for tests: no file is touched.
 */
import { persistentvolumeclaims, persistentvolumes, pods, type PersistentVolume, type PersistentVolumeClaim } from '#api/generated/core/v1';
import { storageclasses, type StorageClass } from '#api/generated/storage/v1';
import { subjectOf } from '#client/events/event-recorder';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { BIND_COMPLETED, bindingWriter, BOUND_BY_CONTROLLER } from './claim-binding.ts';
import { bestVolume, classOf, isMeantFor, mismatch } from './volume-match.ts';

export const volumeBinderController: ControllerDefinition = {
  name: 'persistentvolume-binder-controller',
  serviceAccount: 'persistent-volume-binder',
  eventSource: 'persistentvolume-controller',
  make: makeController,
};

const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
const PROVISIONER_ANNOTATIONS = ['volume.beta.kubernetes.io/storage-provisioner', 'volume.kubernetes.io/storage-provisioner'];
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const DEFAULT_CLASS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const MIGRATED: Readonly<Record<string, string>> = {
  'kubernetes.io/aws-ebs': 'ebs.csi.aws.com', 'kubernetes.io/gce-pd': 'pd.csi.storage.gke.io', 'kubernetes.io/azure-disk': 'disk.csi.azure.com',
  'kubernetes.io/azure-file': 'file.csi.azure.com', 'kubernetes.io/cinder': 'cinder.csi.openstack.org', 'kubernetes.io/vsphere-volume': 'csi.vsphere.vmware.com',
  'kubernetes.io/portworx-volume': 'pxd.portworx.com',
};
const WRITES = 'all';
const UNSEEN_RECHECK_MS = 20;

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const claims = informers.for(persistentvolumeclaims);
  const volumes = informers.for(persistentvolumes);
  const classes = informers.for(storageclasses);
  const loop = keyedLoop(context, { name: 'persistentvolume', informers: [claims, volumes, classes] as const, workers: 1, reconcile });
  const write = bindingWriter(client, clock, { volume: (volume) => loop.writes.wrote(WRITES, volumes, volume), claim: (claim) => loop.writes.wrote(WRITES, claims, claim) });
  const claimKey = (claim: PersistentVolumeClaim): string => `claim:${objectKey(claim)}`;
  const volumeKey = (volume: PersistentVolume): string => `volume:${volume.metadata.name}`;
  const isUnbound = (claim: PersistentVolumeClaim): boolean => claim.metadata.annotations?.[BIND_COMPLETED] === undefined;

  claims.addHandlers({
    onAdd: (claim) => loop.queue.add(claimKey(claim)),
    onUpdate(old, current) {
      if (bindingText(old) !== bindingText(current)) loop.queue.add(claimKey(current));
      wakeVolumeOf(current);
    },
    onDelete: wakeVolumeOf,
  });
  volumes.addHandlers({
    onAdd: volumeChanged,
    onUpdate: (_old, current) => volumeChanged(current),
    onDelete(volume) { for (const claim of claims.list()) if (claim.spec?.volumeName === volume.metadata.name) loop.queue.add(claimKey(claim)); },
  });
  classes.addHandlers({
    onAdd: (added) => { for (const claim of claims.list()) if (isUnbound(claim) && (classOf(claim) === added.metadata.name || claim.spec?.storageClassName === undefined)) loop.queue.add(claimKey(claim)); },
    onUpdate: (_old, current) => { if (isDefault(current)) for (const claim of claims.list()) if (isUnbound(claim) && claim.spec?.storageClassName === undefined) loop.queue.add(claimKey(claim)); },
  });

  function wakeVolumeOf(claim: PersistentVolumeClaim): void {
    if (claim.spec?.volumeName) loop.queue.add(`volume:${claim.spec.volumeName}`);
  }

  /** A volume that has become free, or was made for a claim, wakes those it could serve. */
  function volumeChanged(volume: PersistentVolume): void {
    loop.queue.add(volumeKey(volume));
    const reference = volume.spec?.claimRef;
    if (reference !== undefined) loop.queue.add(`claim:${reference.namespace}/${reference.name}`);
    if (volume.status?.phase !== 'Available') return;
    for (const claim of claims.list()) {
      if (isUnbound(claim) && (claim.spec?.volumeName === volume.metadata.name || (!claim.spec?.volumeName && mismatch(volume, claim) === undefined && !waitsForConsumer(claim)))) loop.queue.add(claimKey(claim));
    }
  }

  const event = (claim: PersistentVolumeClaim, type: 'Normal' | 'Warning', reason: string, message: string): void => context.events.event(subjectOf(claim, 'v1', 'PersistentVolumeClaim'), type, reason, message);

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    if (!loop.writes.settled(WRITES)) return { afterMs: UNSEEN_RECHECK_MS };
    const [kind, rest] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
    if (kind === 'volume') {
      const volume = volumes.get(rest);
      if (volume !== undefined) await syncVolume(volume, signal);
      return undefined;
    }
    const { namespace, name } = splitKey(rest);
    const claim = claims.get(name, namespace);
    if (claim !== undefined) await (isUnbound(claim) ? syncUnbound(claim, signal) : syncBound(claim, signal));
    return undefined;
  }

  async function syncBound(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const lose = async (reason: string, message: string): Promise<void> => {
      if (claim.status?.phase === 'Lost') return;
      await write.setClaimPhase(claim, 'Lost', signal);
      event(claim, 'Warning', reason, message);
    };
    const name = claim.spec?.volumeName ?? '';
    if (name === '') return lose('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
    const volume = volumes.get(name);
    if (volume === undefined) return lose('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    const uid = volume.spec?.claimRef?.uid;
    if (volume.spec?.claimRef === undefined || uid === claim.metadata.uid) return write.bind(volume, claim, signal);
    return lose('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
  }

  async function syncUnbound(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    if (claim.metadata.deletionTimestamp !== undefined) return;
    if (claim.spec?.volumeName) return bindAsAsked(claim, claim.spec.volumeName, signal);
    const waits = waitsForConsumer(claim);
    const volume = bestVolume(claim, volumes.list(), waits);
    if (volume !== undefined) return write.bind(volume, claim, signal);
    const assigned = defaultFor(claim);
    if (assigned !== undefined) {
      await write.updateClaim({ ...claim, spec: { ...claim.spec!, storageClassName: assigned.metadata.name! } }, signal);
      return undefined; // its own change brings it back
    }
    if (waits) announceWaiting(claim);
    else if (classOf(claim) !== '') await provision(claim, signal);
    else event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
    if (claim.status?.phase === undefined) await write.setClaimPhase(claim, 'Pending', signal);
    return undefined;
  }

  async function bindAsAsked(claim: PersistentVolumeClaim, name: string, signal: AbortSignal): Promise<void> {
    const volume = volumes.get(name);
    if (volume === undefined) return;
    if (volume.spec?.claimRef !== undefined && !isMeantFor(volume, claim)) {
      event(claim, 'Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`);
      return;
    }
    const fault = volume.spec?.claimRef === undefined ? mismatch(volume, claim) : undefined;
    if (fault !== undefined) event(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${fault}`);
    else await write.bind(volume, claim, signal);
  }

  function waitsForConsumer(claim: PersistentVolumeClaim): boolean {
    return claim.metadata.annotations?.[SELECTED_NODE] === undefined && classes.get(classOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer';
  }

  function announceWaiting(claim: PersistentVolumeClaim): void {
    const user = informers.has(pods as never) ? informers.for(pods).list(claim.metadata.namespace).find((pod) => !pod.spec?.nodeName && pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === claim.metadata.name) === true) : undefined;
    if (user === undefined) event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    else event(claim, 'Normal', 'WaitForPodScheduled', `waiting for pod ${user.metadata.name} to be scheduled`);
  }

  /** A claim that was made when there was no default class gets the newest one. */
  function defaultFor(claim: PersistentVolumeClaim): StorageClass | undefined {
    if (claim.spec?.storageClassName !== undefined || classOf(claim) !== '') return undefined;
    return classes.list().filter(isDefault).sort((a, b) => (`${b.metadata.creationTimestamp}` < `${a.metadata.creationTimestamp}` ? -1 : `${a.metadata.creationTimestamp}` < `${b.metadata.creationTimestamp}` ? 1 : a.metadata.name! < b.metadata.name! ? -1 : 1))[0];
  }

  async function provision(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const name = classOf(claim);
    const storageClass = classes.get(name);
    const fail = (message: string): void => event(claim, 'Warning', 'ProvisioningFailed', message);
    if (storageClass === undefined) return fail(`storageclass.storage.k8s.io "${name}" not found`);
    const provisioner = MIGRATED[storageClass.provisioner] ?? storageClass.provisioner;
    if (provisioner.startsWith('kubernetes.io/')) return fail(`no volume plugin matched name: ${provisioner}`);
    if (PROVISIONER_ANNOTATIONS.some((annotation) => claim.metadata.annotations?.[annotation] !== provisioner)) {
      const annotations = { ...claim.metadata.annotations, ...Object.fromEntries(PROVISIONER_ANNOTATIONS.map((annotation) => [annotation, provisioner])) };
      await write.updateClaim({ ...claim, metadata: { ...claim.metadata, annotations } }, signal);
    }
    event(claim, 'Normal', 'ExternalProvisioning', `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`);
    return undefined;
  }

  async function syncVolume(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const reference = volume.spec?.claimRef;
    if (reference === undefined || !reference.uid) { await write.setVolumePhase(volume, 'Available', signal); return; }
    const claim = await liveClaim(reference.namespace!, reference.name!, signal);
    if (claim === undefined || claim.metadata.uid !== reference.uid) return release(volume, signal);
    if (!claim.spec?.volumeName) { loop.queue.add(claimKey(claim)); return; }
    if (claim.spec.volumeName === volume.metadata.name) { await write.setVolumePhase(volume, 'Bound', signal); return; }
    if (volume.metadata.annotations?.[PROVISIONED_BY] !== undefined && volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return release(volume, signal);
    await write.unbind(volume, signal); // it lost a race: the claim has another one
  }

  /** The cache says it is gone: only a live look may release what the volume holds. */
  async function liveClaim(namespace: string, name: string, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> {
    const cached = claims.get(name, namespace);
    if (cached !== undefined) return cached;
    try {
      return await client.for(persistentvolumeclaims, namespace).get(name, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function release(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    if (volume.status?.phase === 'Failed') return;
    const released = await write.setVolumePhase(volume, 'Released', signal);
    const policy = released.spec?.persistentVolumeReclaimPolicy;
    const path = released.spec?.hostPath?.path;
    const warn = async (reason: string, message: string): Promise<void> => {
      await write.setVolumePhase(released, 'Failed', signal, message);
      context.events.event(subjectOf(released, 'v1', 'PersistentVolume'), 'Warning', reason, message);
    };
    if (policy === 'Recycle') return warn('VolumeFailedRecycle', 'recycling volumes is deprecated and not done: delete the volume and make a new one');
    if (policy !== 'Delete' || path === undefined || released.metadata.deletionTimestamp !== undefined) return undefined;
    if (!/^\/tmp\/.+/.test(path)) return warn('VolumeFailedDelete', `host_path deleter only supports /tmp/.+ but received provided ${path}`);
    await client.for(persistentvolumes).delete(released.metadata.name!, { preconditions: { uid: released.metadata.uid! }, signal }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
    return undefined;
  }

  return { run: loop.run };
}

function isDefault(storageClass: StorageClass): boolean {
  return DEFAULT_CLASS.some((annotation) => storageClass.metadata.annotations?.[annotation] === 'true');
}

/** What of a claim matters for binding. */
function bindingText(claim: PersistentVolumeClaim): string {
  const { annotations, deletionTimestamp } = claim.metadata;
  return JSON.stringify([claim.spec?.volumeName, claim.spec?.storageClassName, deletionTimestamp, annotations?.[BIND_COMPLETED], annotations?.[BOUND_BY_CONTROLLER], annotations?.[SELECTED_NODE], claim.status?.phase]);
}
