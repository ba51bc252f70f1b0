/** Fields of a claim's status behind feature gates, and device reports that outlived their allocation. */
import type { ResourceClaim } from '#api/generated/resource/v1';

export interface DeviceIdentity {
  readonly driver?: string;
  readonly pool?: string;
  readonly device?: string;
  readonly shareID?: string;
}

export function deviceKey({ driver = '', pool = '', device = '', shareID = '' }: DeviceIdentity): string {
  return JSON.stringify([driver, pool, device, shareID]);
}

export function allocatedDevices(claim: ResourceClaim): Set<string> {
  return new Set((claim.status?.allocation?.devices?.results ?? []).map(deviceKey));
}

export function dropDisabledStatus(claim: ResourceClaim, old: ResourceClaim, isOn: (gate: string) => boolean): void {
  const { status } = claim;
  if (!status) return;
  const results = status.allocation?.devices?.results ?? [];
  const before = old.status?.allocation?.devices?.results ?? [];
  const requests = (old.spec?.devices?.requests ?? []).flatMap(({ exactly, firstAvailable }) => [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]);
  if (!isOn('DRAResourceClaimDeviceStatus') && !old.status?.devices?.length) delete status.devices;
  const usesAdmin = [...before, ...requests].some((one) => 'adminAccess' in one && one.adminAccess !== undefined);
  if (!isOn('DRAAdminAccess') && !usesAdmin) for (const result of results) delete result.adminAccess;
  const usesCapacity = before.some((one) => one.shareID !== undefined || one.consumedCapacity) || requests.some((one) => one.capacity)
    || (old.status?.devices ?? []).some((one) => one.shareID !== undefined);
  if (!isOn('DRAConsumableCapacity') && !usesCapacity) {
    for (const result of results) {
      delete result.shareID;
      delete result.consumedCapacity;
    }
    for (const device of status.devices ?? []) delete device.shareID;
  }
  const usesBinding = before.some((one) => one.bindingConditions?.length || one.bindingFailureConditions?.length);
  if (!(isOn('DRADeviceBindingConditions') && isOn('DRAResourceClaimDeviceStatus')) && !usesBinding) {
    for (const result of results) {
      delete result.bindingConditions;
      delete result.bindingFailureConditions;
    }
  }
}

export function dropDeallocatedDevices(claim: ResourceClaim, old: ResourceClaim): void {
  if (!claim.status?.devices) return;
  const allocated = allocatedDevices(claim);
  const gone = new Set([...allocatedDevices(old)].filter((key) => !allocated.has(key)));
  const devices = claim.status.devices.filter((device) => !gone.has(deviceKey(device)));
  if (devices.length > 0) claim.status.devices = devices;
  else delete claim.status.devices;
}
