/** Limit ranges as a resource. */
import { limitranges, type LimitRange, type LimitRangeItem } from '#api/generated/core/v1';
import { qualifiedNameFaults } from '#machinery/names';
import { parseQuantity, quantityMilliValue, quantityValue } from '#machinery/quantity';
import { isOvercommitAllowed } from '#semantics/resource-names';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain } from '../../rules/metadata.ts';
import { checkResourceName, compareTexts, roundUpResources } from '../../rules/resource-lists.ts';
import { checkContainerResourceName } from '../../rules/resource-requirements.ts';

const MILLI_VALUE_LIMIT = (2 ** 63) / 1000;
const TYPES = ['Pod', 'Container', 'PersistentVolumeClaim'];
const LISTS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

/** For containers each list follows from another: default from max, default request from default, else from min. */
function defaultItem(item: LimitRangeItem): void {
  if (item.type === 'Container') {
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
  for (const list of LISTS) roundUpResources(item[list]);
}

function checkItem(item: LimitRangeItem, place: string, faults: Faults): void {
  const type = item.type ?? '';
  const texts = qualifiedNameFaults(type);
  faults.invalidAll(`${place}.type`, type, texts);
  if (texts.length === 0 && !type.includes('/') && !TYPES.includes(type)) {
    faults.invalid(`${place}.type`, type, 'must be a standard limit type or fully qualified');
  }
  const used = LISTS.filter((list) => type !== 'Pod' || !list.startsWith('default'));
  if (type === 'Pod') {
    for (const list of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[list] ?? {}).length > 0) faults.forbidden(`${place}.${list}`, "may not be specified when `type` is 'Pod'");
    }
  }
  const names = new Set<string>();
  for (const list of used) {
    for (const name of Object.keys(item[list] ?? {})) {
      if (type === 'Pod' || type === 'Container') checkContainerResourceName(name, `${place}.${list}[${name}]`, faults);
      else checkResourceName(name, `${place}.${list}[${name}]`, faults);
      names.add(name);
    }
  }
  if (type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined) {
    faults.required(`${place}.limits`, 'either minimum or maximum storage value is required, but neither was provided');
  }
  for (const name of names) checkAmounts(item, name, type, place, faults);
}

function checkAmounts(item: LimitRangeItem, name: string, type: string, place: string, faults: Faults): void {
  const min = item.min?.[name];
  const max = item.max?.[name];
  const normal = type === 'Pod' ? undefined : item.default?.[name];
  const request = type === 'Pod' ? undefined : item.defaultRequest?.[name];
  const above = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && compareTexts(a, b) > 0;
  const at = (list: string): string => `${place}.${list}[${name}]`;
  if (above(min, max)) faults.invalid(at('min'), min, `min value ${min} is greater than max value ${max}`);
  if (above(min, request)) faults.invalid(at('defaultRequest'), request, `min value ${min} is greater than default request value ${request}`);
  if (above(request, max)) faults.invalid(at('defaultRequest'), request, `default request value ${request} is greater than max value ${max}`);
  if (above(request, normal)) faults.invalid(at('defaultRequest'), request, `default request value ${request} is greater than default limit value ${normal}`);
  if (above(min, normal)) faults.invalid(at('default'), min, `min value ${min} is greater than default value ${normal}`);
  if (above(normal, max)) faults.invalid(at('default'), max, `default value ${normal} is greater than max value ${max}`);
  const ratio = item.maxLimitRequestRatio?.[name];
  if (ratio !== undefined) checkRatio(ratio, min, max, at('maxLimitRequestRatio'), faults);
  if (!isOvercommitAllowed(name) && normal !== undefined && request !== undefined && compareTexts(normal, request) !== 0) {
    faults.invalid(at('defaultRequest'), request, `default value ${normal} must equal to defaultRequest value ${request} in ${name}`);
  }
}

function checkRatio(ratio: string, min: string | undefined, max: string | undefined, place: string, faults: Faults): void {
  if (compareTexts(ratio, '1') < 0) faults.invalid(place, ratio, `ratio ${ratio} is less than 1`);
  if (min === undefined || max === undefined) return;
  // Upstream counts in thousandths as long as all three fit its integers.
  const values = [ratio, min, max].map(parseQuantity);
  const inMilli = values.every((value) => quantityValue(value) < MILLI_VALUE_LIMIT);
  const [ratioValue, minValue, maxValue] = values.map((value) => (inMilli ? quantityMilliValue(value) / 1000 : quantityValue(value))) as [number, number, number];
  const limit = maxValue / minValue;
  if (ratioValue > limit) faults.invalid(place, ratio, `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`);
}

function checkSpec(range: LimitRange, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, item] of (range.spec?.limits ?? []).entries()) {
    const place = `spec.limits[${index}]`;
    checkItem(item, place, faults);
    if (seen.has(item.type)) faults.duplicate(`${place}.type`, item.type);
    seen.add(item.type);
  }
}

export const limitRangeDefinition: ResourceDefinition<LimitRange> = {
  resource: limitranges,
  schema: 'core/v1.LimitRange',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (range) => { for (const item of range.spec?.limits ?? []) defaultItem(item); },
    // Limit ranges may be nameless; the uid is as good a name as any.
    prepareForCreate: (range) => { if (!range.metadata.name) range.metadata.name = range.metadata.uid!; },
    validateCreate: (range) => faultsOf((faults) => {
      checkFinalizers(range, faults);
      checkSpec(range, faults);
    }),
    validateUpdate: (range) => faultsOf((faults) => {
      checkMetaAgain(range, faults, true);
      checkSpec(range, faults);
    }),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
