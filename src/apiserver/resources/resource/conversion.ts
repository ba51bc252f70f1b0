/**
 * Claims, templates and slices of `resource.k8s.io/v1beta1` and as they are stored (v1).
 *
 * In v1beta1 what a request asks for stands in the request itself, and what a device has under `basic`.
 */
import type { DeviceClaim, DeviceRequest, ExactDeviceRequest, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '#api/generated/resource/v1';
import type { Device as BetaDevice, DeviceClaim as BetaDeviceClaim, DeviceRequest as BetaDeviceRequest, ResourceClaim as BetaResourceClaim,
  ResourceClaimTemplate as BetaResourceClaimTemplate, ResourceSlice as BetaResourceSlice } from '#api/generated/resource/v1beta1';
import type { KubeObject } from '#machinery/meta';
import type { Conversion } from '../../served-resource.ts';

function isSet(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== 0 && !(Array.isArray(value) && value.length === 0);
}

function requestToStored({ name, firstAvailable, ...exactly }: BetaDeviceRequest): DeviceRequest {
  return {
    name, ...(Object.values(exactly).some(isSet) ? { exactly: exactly as ExactDeviceRequest } : {}),
    ...(firstAvailable ? { firstAvailable } : {}),
  };
}

function requestFromStored({ name, exactly, firstAvailable }: DeviceRequest): BetaDeviceRequest {
  return { name, deviceClassName: '', ...exactly, ...(firstAvailable ? { firstAvailable } : {}) };
}

function claimToStored(claim: BetaDeviceClaim | undefined): DeviceClaim {
  return { ...claim, requests: (claim?.requests ?? []).map(requestToStored) } as DeviceClaim;
}

function claimFromStored(claim: DeviceClaim | undefined): BetaDeviceClaim {
  return { ...claim, requests: (claim?.requests ?? []).map(requestFromStored) } as BetaDeviceClaim;
}

/** What is unset in v1 is empty in v1beta1. */
function placementToStored(slice: ResourceSlice): void {
  if (slice.spec?.nodeName === '') delete slice.spec.nodeName;
  if (slice.spec?.allNodes === false) delete slice.spec.allNodes;
}

export const CLAIM_CONVERSION: Conversion = {
  toStored: (object) => {
    const claim = object as BetaResourceClaim;
    return { ...claim, spec: { ...claim.spec, devices: claimToStored(claim.spec?.devices) } } as KubeObject;
  },
  fromStored: (object) => {
    const claim = object as ResourceClaim;
    return { ...claim, spec: { ...claim.spec, devices: claimFromStored(claim.spec?.devices) } } as KubeObject;
  },
};

export const CLAIM_TEMPLATE_CONVERSION: Conversion = {
  toStored: (object) => {
    const { spec, ...rest } = object as BetaResourceClaimTemplate;
    return { ...rest, spec: { ...spec, spec: { ...spec?.spec, devices: claimToStored(spec?.spec?.devices) } } } as KubeObject;
  },
  fromStored: (object) => {
    const { spec, ...rest } = object as ResourceClaimTemplate;
    return { ...rest, spec: { ...spec, spec: { ...spec?.spec, devices: claimFromStored(spec?.spec?.devices) } } } as KubeObject;
  },
};

export const SLICE_CONVERSION: Conversion = {
  toStored: (object) => {
    const slice = object as BetaResourceSlice;
    const devices = slice.spec?.devices?.map(({ name, basic }: BetaDevice) => ({ name, ...basic }));
    const stored = { ...slice, spec: { ...slice.spec, ...(devices ? { devices } : {}) } } as ResourceSlice;
    placementToStored(stored);
    return stored as KubeObject;
  },
  fromStored: (object) => {
    const slice = object as ResourceSlice;
    const devices = slice.spec?.devices?.map(({ name, ...basic }) => ({ name, basic }));
    return { ...slice, spec: { ...slice.spec, ...(devices ? { devices } : {}) } } as KubeObject;
  },
};
