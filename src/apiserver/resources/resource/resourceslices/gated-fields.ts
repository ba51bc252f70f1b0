/** Fields of resource slices behind feature gates: dropped when off, unless the stored slice uses them. */
import type { Device, ResourceSlice } from '#api/generated/resource/v1';

interface GatedFields {
  readonly gates: readonly string[];
  isUsed(device: Device): boolean;
  drop(device: Device): void;
}

const LISTS = ['bools', 'ints', 'strings', 'versions'] as const;

const GATED: readonly GatedFields[] = [
  { gates: ['DRADeviceTaints'], isUsed: (device) => (device.taints ?? []).length > 0, drop: (device) => { delete device.taints; } },
  {
    gates: ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
    isUsed: (device) => Boolean(device.bindingConditions?.length || device.bindingFailureConditions?.length) || device.bindsToNode !== undefined,
    drop: (device) => {
      delete device.bindingConditions;
      delete device.bindingFailureConditions;
      delete device.bindsToNode;
    },
  },
  {
    gates: ['DRAConsumableCapacity'],
    isUsed: (device) => device.allowMultipleAllocations !== undefined || Object.values(device.capacity ?? {}).some((one) => one.requestPolicy),
    drop: (device) => {
      delete device.allowMultipleAllocations;
      for (const capacity of Object.values(device.capacity ?? {})) delete capacity.requestPolicy;
    },
  },
  {
    gates: ['DRANodeAllocatableResources'],
    isUsed: (device) => Object.keys(device.nodeAllocatableResourceMappings ?? {}).length > 0,
    drop: (device) => { delete device.nodeAllocatableResourceMappings; },
  },
  {
    gates: ['DRAListTypeAttributes'],
    isUsed: (device) => Object.values(device.attributes ?? {}).some((attribute) => LISTS.some((list) => attribute[list] !== undefined)),
    drop: (device) => {
      for (const attribute of Object.values(device.attributes ?? {})) for (const list of LISTS) delete attribute[list];
    },
  },
];

export function dropDisabledFields({ spec }: ResourceSlice, old: ResourceSlice | undefined, isOn: (gate: string) => boolean): void {
  if (!spec) return;
  const before = old?.spec?.devices ?? [];
  const devices = spec.devices ?? [];
  for (const { gates, isUsed, drop } of GATED) if (!gates.every(isOn) && !before.some(isUsed)) for (const device of devices) drop(device);
  if (isOn('DRAPartitionableDevices') || old?.spec?.sharedCounters?.length || old?.spec?.perDeviceNodeSelection !== undefined) return;
  const placed = (device: Device): boolean => device.nodeName !== undefined || device.nodeSelector !== undefined || device.allNodes !== undefined;
  if (before.some((device) => device.consumesCounters?.length || placed(device))) return;
  delete spec.sharedCounters;
  delete spec.perDeviceNodeSelection;
  for (const device of devices) {
    delete device.consumesCounters;
    delete device.nodeName;
    delete device.nodeSelector;
    delete device.allNodes;
  }
}
