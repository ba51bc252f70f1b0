/** Defaults of what a claim asks for, and its fields behind feature gates. */
import type { DeviceClaim, DeviceSubRequest, ExactDeviceRequest } from '#api/generated/resource/v1';

type AnyRequest = ExactDeviceRequest | DeviceSubRequest;

function allRequests(claim: DeviceClaim | undefined): AnyRequest[] {
  return (claim?.requests ?? []).flatMap(({ exactly, firstAvailable }) => [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]);
}

export function defaultDeviceClaim(claim: DeviceClaim | undefined): void {
  for (const request of allRequests(claim)) {
    request.allocationMode ||= 'ExactCount';
    if (request.allocationMode === 'ExactCount') request.count ||= 1;
    for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
  }
}

/** Drops what is switched off, unless the stored claim uses it already. */
export function dropDisabledDeviceClaim(claim: DeviceClaim | undefined, old: DeviceClaim | undefined, isOn: (gate: string) => boolean): void {
  const before = allRequests(old);
  const requests = claim?.requests ?? [];
  if (!isOn('DRAPrioritizedList') && !old?.requests?.some((one) => one.firstAvailable?.length)) {
    for (const request of requests) delete request.firstAvailable;
  }
  const now = allRequests(claim);
  if (!isOn('DRADeviceTaints') && !before.some((one) => one.tolerations?.length)) for (const one of now) delete one.tolerations;
  if (!isOn('DRAAdminAccess') && !old?.requests?.some((one) => one.exactly?.adminAccess !== undefined)) {
    for (const request of requests) delete request.exactly?.adminAccess;
  }
  const usesCapacity = before.some((one) => one.capacity) || old?.constraints?.some((one) => one.distinctAttribute !== undefined);
  if (!isOn('DRAConsumableCapacity') && !usesCapacity) {
    for (const one of now) delete one.capacity;
    for (const constraint of claim?.constraints ?? []) delete constraint.distinctAttribute;
  }
}
