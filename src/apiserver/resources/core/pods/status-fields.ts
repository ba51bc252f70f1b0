/** Removes from a pod's status the fields whose feature gate is off, unless the stored status already uses them. */
import type { ContainerStatus, Pod } from '#api/generated/core/v1';
import type { StrategyContext } from '../../definition.ts';

export function containerStatuses(pod: Pod): ContainerStatus[] {
  return [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.ephemeralContainerStatuses ?? [])];
}

export function dropDisabledStatusFields(pod: Pod, old: Pod, context: StrategyContext): void {
  const status = pod.status!;
  const { status: before } = old;
  const off = (gate: string, used: boolean): boolean => !context.featureEnabled(gate) && !used;
  if (off('InPlacePodLevelResourcesVerticalScaling', before?.resources !== undefined || before?.allocatedResources !== undefined)) {
    delete status.resources;
    delete status.allocatedResources;
  }
  if (off('DRAExtendedResource', before?.extendedResourceClaimStatus !== undefined)) delete status.extendedResourceClaimStatus;
  if (off('DRANodeAllocatableResources', (before?.nodeAllocatableResourceClaimStatuses ?? []).length > 0)) {
    delete status.nodeAllocatableResourceClaimStatuses;
  }
  const health = containerStatuses(old).flatMap((container) => container.allocatedResourcesStatus ?? []);
  if (off('ResourceHealthStatus', health.length > 0)) for (const container of containerStatuses(pod)) delete container.allocatedResourcesStatus;
  if (off('ResourceHealthStatusMessage', health.some((entry) => (entry.resources ?? []).some((resource) => resource.message !== undefined)))) {
    for (const container of containerStatuses(pod)) {
      for (const resource of (container.allocatedResourcesStatus ?? []).flatMap((entry) => entry.resources ?? [])) delete resource.message;
    }
  }
  const digests = containerStatuses(old).some((container) => (container.volumeMounts ?? []).some((mount) => mount.volumeStatus));
  if (off('ImageVolumeWithDigest', digests)) {
    for (const mount of containerStatuses(pod).flatMap((container) => container.volumeMounts ?? [])) delete mount.volumeStatus;
  }
}
