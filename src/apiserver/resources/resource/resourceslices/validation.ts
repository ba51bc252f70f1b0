/** The rules of resource slices: whose, where, and which devices or counters. */
import type { CounterSet, ResourcePool, ResourceSlice, ResourceSliceSpec } from '#api/generated/resource/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { checkNodeSelector } from '../../rules/affinity.ts';
import { checkDriverName, checkPoolName, checkSet } from '../../rules/devices.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOfList } from '../../rules/internal-print.ts';
import { checkCounters } from './counters.ts';
import { checkDevice } from './device.ts';

const DEVICES_MAX = 128;
/** With taints, counters or lists of attributes. */
const COMPLEX_DEVICES_MAX = 64;
const COUNTER_SETS_MAX = 8;

export function checkSlice({ spec = {} as ResourceSliceSpec }: ResourceSlice, old: ResourceSlice | undefined, faults: Faults): void {
  checkDriverName(spec.driver, 'spec.driver', faults);
  checkPool(spec.pool ?? {}, faults);
  if (old) checkFixed(spec, old.spec, faults);
  checkPlacement(spec, faults);
  if (spec.sharedCounters && spec.devices) faults.invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed');
  const lists = ['bools', 'ints', 'strings', 'versions'] as const;
  const isComplex = (spec.devices ?? []).some((device) => device.taints?.length || device.consumesCounters?.length
    || Object.values(device.attributes ?? {}).some((attribute) => lists.some((list) => attribute[list] !== undefined)));
  const before = new Map((old?.spec?.devices ?? []).map((device) => [device.name, device]));
  checkSet(spec.devices, isComplex ? COMPLEX_DEVICES_MAX : DEVICES_MAX, ({ name = '' }) => name, 'spec.devices', faults, (device, at) => {
    checkDevice(device, before.get(device.name), spec.perDeviceNodeSelection ?? false, at, faults);
  });
  checkSet(spec.sharedCounters, COUNTER_SETS_MAX, ({ name = '' }) => name, 'spec.sharedCounters', faults, (set, at) => checkCounterSet(set, at, faults));
}

function checkPool(pool: Partial<ResourcePool>, faults: Faults): void {
  checkPoolName(pool.name, 'spec.pool.name', faults);
  const { resourceSliceCount: count = 0, generation = 0 } = pool;
  if (Number(count) <= 0) faults.invalid('spec.pool.resourceSliceCount', count, 'must be greater than zero');
  if (Number(generation) < 0) faults.invalid('spec.pool.generation', generation, 'must be greater than or equal to zero');
}

function checkFixed(spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined, faults: Faults): void {
  const text = 'field is immutable';
  if ((spec.pool?.name ?? '') !== (old?.pool?.name ?? '')) faults.invalid('spec.pool.name', spec.pool?.name, text);
  if ((spec.driver ?? '') !== (old?.driver ?? '')) faults.invalid('spec.driver', spec.driver, text);
  if (spec.nodeName !== old?.nodeName) faults.invalid('spec.nodeName', spec.nodeName ?? null, text);
}

function checkPlacement(spec: ResourceSliceSpec, faults: Faults): void {
  const set: string[] = [];
  if (spec.nodeName) {
    set.push('`nodeName`');
    faults.invalidAll('spec.nodeName', spec.nodeName, dns1123SubdomainFaults(spec.nodeName));
  } else if (spec.nodeName === '') {
    faults.invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string');
  }
  if (spec.nodeSelector) {
    set.push('`nodeSelector`');
    checkNodeSelector(spec.nodeSelector, 'spec.nodeSelector', faults);
    const terms = spec.nodeSelector.nodeSelectorTerms;
    if (terms?.length !== 1) {
      faults.invalid('spec.nodeSelector.nodeSelectorTerms', goJsonOfList('core/v1.NodeSelectorTerm', terms), 'must have exactly one node selector term');
    }
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[field]) set.push(`\`${field}\``);
    else if (spec[field] === false) faults.invalid(`spec.${field}`, false, 'must be either unset or set to true');
  }
  const text = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) faults.required('spec', text);
  else if (set.length > 1) faults.invalid('spec', `{${set.join(', ')}}`, `${text}, but multiple fields are set`);
}

function checkCounterSet(set: CounterSet, at: string, faults: Faults): void {
  if (!set.name) faults.required(`${at}.name`);
  else faults.invalidAll(`${at}.name`, set.name, dns1123LabelFaults(set.name));
  checkCounters(set.counters, at, faults);
}
