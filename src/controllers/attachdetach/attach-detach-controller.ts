/** Asks CSI drivers to attach volumes to the nodes of their pods, and to detach them after: by VolumeAttachment objects. */
import { nodes, persistentvolumeclaims, persistentvolumes, pods, type Node, type PersistentVolume, type Pod } from '#api/generated/core/v1';
import { csidrivers, volumeattachments, type VolumeAttachment } from '#api/generated/storage/v1';
import { subjectOf } from '#client/events/event-recorder';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { attachmentName, planAttachments } from './attach-plan.ts';

export const attachDetachController: ControllerDefinition = {
  name: 'persistentvolume-attach-detach-controller',
  serviceAccount: 'attachdetach-controller',
  make: makeController,
};

const NODE_INDEX = 'node';
const VOLUME_INDEX = 'volume';
const RECHECK_MS = 10_000;

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const allPods = informers.for(pods);
  const allNodes = informers.for(nodes);
  const claims = informers.for(persistentvolumeclaims);
  const volumes = informers.for(persistentvolumes);
  const drivers = informers.for(csidrivers);
  const attachments = informers.for(volumeattachments);
  allPods.addIndex(NODE_INDEX, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  attachments.addIndex(NODE_INDEX, (attachment) => [attachment.spec.nodeName]);
  attachments.addIndex(VOLUME_INDEX, (attachment) => [attachment.spec.source.persistentVolumeName ?? '']);
  /** Attachment's uid → since when no pod uses it. */
  const unused = new Map<string, number>();
  const announced = new Set<string>();
  const loop = keyedLoop(context, { name: 'attachdetach', informers: [allPods, allNodes, claims, volumes, drivers, attachments] as const, workers: context.options.concurrentSyncs, reconcile });

  const wakePod = (pod: Pod): void => { if (pod.spec?.nodeName && pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined) === true) loop.queue.add(pod.spec.nodeName); };
  allPods.addHandlers({ onAdd: wakePod, onUpdate: (_old, current) => wakePod(current), onDelete: wakePod });
  const wakeAttachment = (attachment: VolumeAttachment): void => {
    loop.queue.add(attachment.spec.nodeName);
    for (const pod of allPods.list()) if (pod.spec?.nodeName && volumesOf(pod).some((volume) => volume.metadata.name === attachment.spec.source.persistentVolumeName)) loop.queue.add(pod.spec.nodeName);
  };
  attachments.addHandlers({ onAdd: (attachment) => loop.queue.add(attachment.spec.nodeName), onUpdate: (_old, current) => loop.queue.add(current.spec.nodeName), onDelete: wakeAttachment });
  allNodes.addHandlers({
    onUpdate(old, current) { if (!semanticEqual(old.status?.volumesInUse, current.status?.volumesInUse) || !semanticEqual(old.spec?.taints, current.spec?.taints)) loop.queue.add(current.metadata.name!); },
    onDelete: (node) => loop.queue.add(node.metadata.name!),
  });
  claims.addHandlers({
    onUpdate(old, current) {
      if (old.status?.phase === current.status?.phase) return;
      for (const pod of allPods.list(current.metadata.namespace)) wakePod(pod);
    },
  });

  /** Bound CSI volumes whose driver wants to attach. */
  function volumesOf(pod: Pod): PersistentVolume[] {
    return (pod.spec?.volumes ?? []).flatMap((entry) => {
      const name = entry.persistentVolumeClaim?.claimName ?? (entry.ephemeral === undefined ? undefined : `${pod.metadata.name}-${entry.name}`);
      const claim = name === undefined ? undefined : claims.get(name, pod.metadata.namespace);
      const volume = claim?.status?.phase === 'Bound' && claim.spec?.volumeName ? volumes.get(claim.spec.volumeName) : undefined;
      const driver = volume?.spec?.csi?.driver;
      return volume === undefined || driver === undefined || drivers.get(driver)?.spec.attachRequired === false ? [] : [volume];
    });
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const ours = attachments.byIndex(NODE_INDEX, name).filter((attachment) => attachment.metadata.name!.startsWith('csi-'));
    const podsHere = allPods.byIndex(NODE_INDEX, name);
    const plan = planAttachments({
      nodeName: name, node: allNodes.get(name), pods: podsHere, volumesOf, present: ours, nowMs: clock.now(),
      elsewhere: (volume) => attachments.byIndex(VOLUME_INDEX, volume.metadata.name!).filter((attachment) => attachment.spec.nodeName !== name),
      unusedSinceMs(attachment) {
        const since = unused.get(attachment.metadata.uid!) ?? clock.now();
        unused.set(attachment.metadata.uid!, since);
        return since;
      },
    }, (attachment) => volumes.get(attachment.spec.source.persistentVolumeName ?? ''));
    announce(ours, podsHere);
    for (const { volume, pods: waiting } of plan.blocked) reportBlocked(volume, waiting, name);
    const node = allNodes.get(name);
    // First the node hears that it has the volume no more, then it is taken away.
    if (node !== undefined) await writeAttached(name, node, plan.attached, signal);
    for (const volume of plan.attach) await attach(name, volume, signal);
    for (const attachment of plan.detach) await detach(name, attachment, signal);
    return plan.blocked.length > 0 || plan.waiting ? { afterMs: RECHECK_MS } : undefined;
  }

  function announce(present: readonly VolumeAttachment[], podsHere: readonly Pod[]): void {
    for (const attachment of present) {
      const volumeName = attachment.spec.source.persistentVolumeName ?? '';
      const failure = attachment.status?.attachError?.message;
      if (attachment.status?.attached !== true && failure === undefined) continue;
      const key = `${attachment.metadata.uid}|${failure ?? ''}`;
      if (announced.has(key)) continue;
      announced.add(key);
      for (const pod of podsHere.filter((one) => volumesOf(one).some((volume) => volume.metadata.name === volumeName))) {
        if (failure === undefined) context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Normal', 'SuccessfulAttachVolume', `AttachVolume.Attach succeeded for volume "${volumeName}" `);
        else context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'FailedAttachVolume', `AttachVolume.Attach failed for volume "${volumeName}" : ${failure}`);
      }
    }
  }

  function reportBlocked(volume: PersistentVolume, waiting: readonly Pod[], nodeName: string): void {
    const users = allPods.list().filter((pod) => pod.spec?.nodeName && pod.spec.nodeName !== nodeName && volumesOf(pod).includes(volume));
    for (const pod of waiting) {
      const local = users.filter((user) => user.metadata.namespace === pod.metadata.namespace).map((user) => user.metadata.name);
      const others = users.length - local.length;
      const text = users.length === 0 ? "Volume is already exclusively attached to one node and can't be attached to another"
        : local.length === 0 ? `Volume is already used by ${others} pod(s) in different namespaces`
          : `Volume is already used by pod(s) ${local.join(', ')}${others > 0 ? ` and ${others} pod(s) in different namespaces` : ''}`;
      context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'FailedAttachVolume', `Multi-Attach error for volume "${volume.metadata.name}" ${text}`);
    }
  }

  async function attach(key: string, volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const wanted: VolumeAttachment = {
      metadata: { name: attachmentName(volume, key) },
      spec: { attacher: volume.spec!.csi!.driver, nodeName: key, source: { persistentVolumeName: volume.metadata.name! } },
    };
    try {
      loop.writes.wrote(key, attachments, await client.for(volumeattachments).create(wanted, { signal }));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async function detach(key: string, attachment: VolumeAttachment, signal: AbortSignal): Promise<void> {
    try {
      await client.for(volumeattachments).delete(attachment.metadata.name!, { preconditions: { uid: attachment.metadata.uid! }, signal });
      loop.writes.deleted(key, attachments, attachment);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    unused.delete(attachment.metadata.uid!);
  }

  async function writeAttached(key: string, node: Node, attached: { name: string; devicePath: string }[], signal: AbortSignal): Promise<void> {
    const present = [...node.status?.volumesAttached ?? []].sort((a, b) => (a.name < b.name ? -1 : 1));
    if (semanticEqual(present.map(({ name }) => name), attached.map(({ name }) => name))) return;
    const patch = { metadata: { uid: node.metadata.uid }, status: { volumesAttached: attached.length === 0 ? null : attached } };
    try {
      loop.writes.wrote(key, allNodes, await client.for(nodes).patch(key, 'application/merge-patch+json', patch, { subresource: 'status', signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  attachments.addHandlers({
    onDelete(attachment) {
      unused.delete(attachment.metadata.uid!);
      for (const key of announced) if (key.startsWith(`${attachment.metadata.uid}|`)) announced.delete(key);
    },
  });
  return { run: loop.run };
}
