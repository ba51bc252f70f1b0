/** The rules of one device of a slice. */
import type { Device, DeviceAttribute, DeviceCapacity, NodeAllocatableResourceMapping } from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { isNativeResource } from '#semantics/resource-names';
import { checkNodeSelector } from '../../rules/affinity.ts';
import { checkBindingConditions, checkList, checkMap, checkQualifiedName, checkSet, checkTaint } from '../../rules/devices.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { compareTexts } from '../../rules/resource-lists.ts';
import { checkCounters } from './counters.ts';
import { checkRequestPolicy } from './request-policy.ts';

const ATTRIBUTES_AND_CAPACITIES_MAX = 32;
const ATTRIBUTE_VALUES_MAX = 48;
const VALUE_BYTES_MAX = 64;
const TAINTS_MAX = 16;
const CONSUMPTIONS_MAX = 2;
const LISTS = ['bools', 'ints', 'strings', 'versions'] as const;

export function checkDevice(device: Device, old: Device | undefined, perDevice: boolean, at: string, faults: Faults): void {
  faults.invalidAll(`${at}.name`, device.name ?? '', dns1123LabelFaults(device.name ?? ''));
  const attributes = Object.values(device.attributes ?? {});
  const total = attributes.length + Object.keys(device.capacity ?? {}).length;
  if (total > ATTRIBUTES_AND_CAPACITIES_MAX) {
    faults.invalid(at, total, `the total number of attributes and capacities must not exceed ${ATTRIBUTES_AND_CAPACITIES_MAX}`);
  }
  const values = attributes.reduce((sum, attribute) => sum + Math.max(1, LISTS.reduce((own, list) => own + (attribute[list]?.length ?? 0), 0)), 0);
  if (values > ATTRIBUTE_VALUES_MAX) faults.invalid(at, values, `the total number of attribute values must not exceed ${ATTRIBUTE_VALUES_MAX}`);
  checkMap(device.attributes, Infinity, `${at}.attributes`, faults, checkQualifiedName, (attribute, place) => checkAttribute(attribute, place, faults));
  checkMap(device.capacity, Infinity, `${at}.capacity`, faults, checkQualifiedName,
    (capacity, place) => checkCapacity(capacity, device.allowMultipleAllocations ?? false, place, faults));
  if (!old || !semanticEqual(old.taints, device.taints)) {
    checkList(device.taints, TAINTS_MAX, `${at}.taints`, faults, (taint, place) => checkTaint(taint, undefined, place, faults));
  }
  checkSet(device.consumesCounters, CONSUMPTIONS_MAX, ({ counterSet = '' }) => counterSet, `${at}.consumesCounters`, faults, ({ counterSet, counters }, place) => {
    if (!counterSet) faults.required(`${place}.counterSet`);
    else faults.invalidAll(`${place}.counterSet`, counterSet, dns1123LabelFaults(counterSet));
    checkCounters(counters, place, faults);
  });
  checkPlacement(device, perDevice, at, faults);
  checkBindingConditions(device.bindingConditions, device.bindingFailureConditions, at, faults);
  for (const [name, mapping] of Object.entries(device.nodeAllocatableResourceMappings ?? {})) {
    checkMapping(name, mapping, device, `${at}.nodeAllocatableResourceMappings[${name}]`, faults);
  }
}

function checkPlacement(device: Device, perDevice: boolean, at: string, faults: Faults): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return;
    const text = '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return faults.invalid(at, null, text);
  }
  const set: string[] = [];
  if (nodeName) {
    set.push('`nodeName`');
    faults.invalidAll(`${at}.nodeName`, nodeName, dns1123SubdomainFaults(nodeName));
  } else if (nodeName === '') {
    faults.invalid(`${at}.nodeName`, '', 'must not be empty');
  }
  if (nodeSelector) {
    set.push('`nodeSelector`');
    checkNodeSelector(nodeSelector, `${at}.nodeSelector`, faults);
  }
  if (allNodes) set.push('`allNodes`');
  else if (allNodes === false) faults.invalid(`${at}.allNodes`, false, 'must be either unset or set to true');
  const text = 'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) faults.required(at, text);
  else if (set.length > 1) faults.invalid(at, `{${set.join(', ')}}`, text);
}

function checkAttribute(attribute: DeviceAttribute, at: string, faults: Faults): void {
  if (attribute.string !== undefined) checkString(attribute.string, `${at}.string`, faults);
  if (attribute.version !== undefined) checkVersion(attribute.version, `${at}.version`, faults);
  for (const list of LISTS) if (attribute[list]?.length === 0) faults.invalid(`${at}.${list}`, [], 'must not be empty if specified');
  for (const [index, text] of (attribute.strings ?? []).entries()) checkString(text, `${at}.strings[${index}]`, faults);
  for (const [index, text] of (attribute.versions ?? []).entries()) checkVersion(text, `${at}.versions[${index}]`, faults);
  const count = Object.values(attribute).filter((value) => value !== undefined).length;
  if (count === 0) faults.invalid(at, '', 'exactly one value must be specified');
  else if (count > 1) faults.invalid(at, goJsonOf('resource/v1.DeviceAttribute', attribute), 'exactly one value must be specified');
}

function checkString(text: string, place: string, faults: Faults): void {
  if (Buffer.byteLength(text) > VALUE_BYTES_MAX) faults.tooLong(place, VALUE_BYTES_MAX);
}

const NUMBER = String.raw`(0|[1-9]\d*)`;
const PRE_RELEASE = String.raw`(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const SEMVER = new RegExp(String.raw`^${NUMBER}\.${NUMBER}\.${NUMBER}(-${PRE_RELEASE}(\.${PRE_RELEASE})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$`);

function checkVersion(text: string, place: string, faults: Faults): void {
  if (!SEMVER.test(text)) faults.invalid(place, text, 'must be a string compatible with semver.org spec 2.0.0');
  checkString(text, place, faults);
}

function checkCapacity(capacity: DeviceCapacity, mayShare: boolean, at: string, faults: Faults): void {
  if (!capacity.requestPolicy) return;
  if (mayShare) checkRequestPolicy(capacity.value ?? '0', capacity.requestPolicy, `${at}.requestPolicy`, faults);
  else faults.forbidden(`${at}.requestPolicy`, 'allowMultipleAllocations must be true');
}

function checkMapping(name: string, mapping: NodeAllocatableResourceMapping, device: Device, at: string, faults: Faults): void {
  if (!isNativeResource(name)) faults.invalid(at, name, 'must be a node allocatable resource name');
  const { allocationMultiplier: multiplier, capacityKey: key } = mapping;
  if (multiplier === undefined && key === undefined) faults.invalid(at, '', 'at least one of allocationMultiplier or capacityKey must be set');
  if (multiplier !== undefined && compareTexts(multiplier, undefined) <= 0) faults.invalid(`${at}.allocationMultiplier`, multiplier, 'must be positive');
  if (key === '') faults.invalid(`${at}.capacityKey`, '', 'capacityKey must not be an empty string');
  else if (key !== undefined && device.capacity?.[key] === undefined) faults.notFound(`${at}.capacityKey`, key);
}
