/** The rules of a claim's status. */
import type {
  AllocatedDeviceStatus, AllocationResult, DeviceRequestAllocationResult, NetworkDeviceData, ResourceClaim, ResourceClaimConsumerReference,
} from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { path, PrintedValue } from '#machinery/field-error';
import { goJson } from '#machinery/go-print';
import { dns1123LabelFaults } from '#machinery/names';
import { validateConditions } from '#machinery/validation/conditions';
import { validateInterfaceAddress } from '#machinery/validation/ip';
import { checkNodeSelector } from '../../rules/affinity.ts';
import {
  checkConfiguration, checkRequestReference, checkRequestReferences, CONFIGURATIONS_MAX, requestNames, type RequestNames,
} from '../../rules/device-requests.ts';
import { checkBindingConditions, checkDriverName, checkList, checkOpaqueParameters, checkPoolName, checkSet, checkShareId } from '../../rules/devices.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { allocatedDevices, deviceKey } from './status-fields.ts';

const CONSUMERS_MAX = 256;
const RESULTS_MAX = 32;
const CONDITIONS_MAX = 8;
const DATA_BYTES_MAX = 10 * 1024;
const ADDRESSES_MAX = 16;
const INTERFACE_NAME_BYTES_MAX = 256;
const HARDWARE_ADDRESS_BYTES_MAX = 128;

export function checkStatus(claim: ResourceClaim, old: ResourceClaim, faults: Faults): void {
  const { allocation, reservedFor = [], devices } = claim.status ?? {};
  checkSet(reservedFor, CONSUMERS_MAX, ({ uid = '' }) => uid, 'status.reservedFor', faults, (consumer, at) => checkConsumer(consumer, at, faults));
  const allocated = allocatedDevices(claim);
  checkList(devices, Infinity, 'status.devices', faults, (device, at) => checkDevice(device, allocated, at, faults));
  const seen = new Set<string>();
  for (const [index, device] of (devices ?? []).entries()) {
    if (seen.has(deviceKey(device))) faults.duplicate(`status.devices[${index}]`, printedId(device));
    seen.add(deviceKey(device));
  }
  if (reservedFor.length > 0) checkReservation(claim, old, faults);
  const before = old.status?.allocation;
  if (!allocation) return;
  if (!before) checkAllocation(allocation, requestNames(claim.spec?.devices), faults);
  else if (!semanticEqual(allocation, before)) {
    faults.invalid('status.allocation', goJsonOf('resource/v1.AllocationResult', allocation), 'field is immutable');
  }
}

function checkReservation(claim: ResourceClaim, old: ResourceClaim, faults: Faults): void {
  if (!claim.status?.allocation) return faults.forbidden('status.reservedFor', 'may not be specified when `allocated` is not set');
  if (claim.metadata.deletionTimestamp === undefined) return;
  const before = old.status?.reservedFor ?? [];
  if ((claim.status.reservedFor ?? []).some((one) => !before.some((other) => semanticEqual(one, other)))) {
    faults.forbidden('status.reservedFor', 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set');
  }
}

function checkConsumer(consumer: ResourceClaimConsumerReference, at: string, faults: Faults): void {
  for (const field of ['resource', 'name', 'uid'] as const) if (!consumer[field]) faults.required(`${at}.${field}`);
}

function checkAllocation(allocation: AllocationResult, names: RequestNames, faults: Faults): void {
  const place = 'status.allocation.devices';
  checkList(allocation.devices?.results, RESULTS_MAX, `${place}.results`, faults, (result, at) => checkResult(result, names, at, faults));
  checkList(allocation.devices?.config, 2 * CONFIGURATIONS_MAX, `${place}.config`, faults, (config, at) => {
    faults.oneOf(`${at}.source`, config.source, ['FromClaim', 'FromClass']);
    checkRequestReferences(config.requests, names, `${at}.requests`, faults);
    checkConfiguration(config.opaque, false, at, faults);
  });
  if (allocation.nodeSelector) checkNodeSelector(allocation.nodeSelector, 'status.allocation.nodeSelector', faults);
}

function checkResult(result: DeviceRequestAllocationResult, names: RequestNames, at: string, faults: Faults): void {
  checkRequestReference(result.request ?? '', names, `${at}.request`, faults);
  checkDriverName(result.driver, `${at}.driver`, faults);
  checkPoolName(result.pool, `${at}.pool`, faults);
  faults.invalidAll(`${at}.device`, result.device ?? '', dns1123LabelFaults(result.device ?? ''));
  checkBindingConditions(result.bindingConditions, result.bindingFailureConditions, at, faults);
  if (result.shareID !== undefined) checkShareId(result.shareID, `${at}.shareID`, faults);
}

function printedId({ driver = '', pool = '', device = '', shareID = '' }: AllocatedDeviceStatus): PrintedValue {
  return new PrintedValue(goJson({ Driver: driver, Pool: pool, Device: device, ShareID: shareID }));
}

function checkDevice(device: AllocatedDeviceStatus, allocated: ReadonlySet<string>, at: string, faults: Faults): void {
  checkDriverName(device.driver, `${at}.driver`, faults);
  checkPoolName(device.pool, `${at}.pool`, faults);
  faults.invalidAll(`${at}.device`, device.device ?? '', dns1123LabelFaults(device.device ?? ''));
  if (device.shareID !== undefined) checkShareId(device.shareID, `${at}.shareID`, faults);
  if (!allocated.has(deviceKey(device))) faults.invalid(at, printedId(device), 'must be an allocated device in the claim');
  const conditions = device.conditions ?? [];
  if (conditions.length > CONDITIONS_MAX) faults.tooMany(`${at}.conditions`, conditions.length, CONDITIONS_MAX);
  faults.add(validateConditions(conditions, path(`${at}.conditions`)));
  if (device.data !== undefined && device.data !== null) checkOpaqueParameters(device.data, DATA_BYTES_MAX, false, `${at}.data`, faults);
  if (device.networkData) checkNetwork(device.networkData, `${at}.networkData`, faults);
}

function checkNetwork(data: NetworkDeviceData, at: string, faults: Faults): void {
  if (Buffer.byteLength(data.interfaceName ?? '') > INTERFACE_NAME_BYTES_MAX) faults.tooLong(`${at}.interfaceName`, INTERFACE_NAME_BYTES_MAX);
  if (Buffer.byteLength(data.hardwareAddress ?? '') > HARDWARE_ADDRESS_BYTES_MAX) faults.tooLong(`${at}.hardwareAddress`, HARDWARE_ADDRESS_BYTES_MAX);
  checkSet(data.ips, ADDRESSES_MAX, (address) => address, `${at}.ips`, faults, (address, place) => faults.add(validateInterfaceAddress(place, address)));
}
