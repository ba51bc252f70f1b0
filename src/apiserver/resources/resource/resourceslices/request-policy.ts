/** The rules of how much of a shared capacity may be asked for: one of some values, or a range with steps. */
import type { CapacityRequestPolicy, CapacityRequestPolicyRange } from '#api/generated/resource/v1';
import { addQuantities, formatQuantity, parseQuantity, quantityValue } from '#machinery/quantity';
import { checkSet } from '../../rules/devices.ts';
import type { Faults } from '../../rules/faults.ts';
import { compareTexts } from '../../rules/resource-lists.ts';

const VALUES_MAX = 10;

export function checkRequestPolicy(capacity: string, policy: CapacityRequestPolicy, at: string, faults: Faults): void {
  const { validValues: values = [], validRange: range, default: byDefault } = policy;
  if (values.length > 0 && range) {
    return faults.forbidden(at, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time');
  }
  if (values.length === 0 && !range) return;
  if (byDefault === undefined) return faults.required(`${at}.default`, `required when ${range ? 'validRange' : 'validValues'} is defined`);
  if (range) checkRange(byDefault, capacity, range, `${at}.validRange`, faults);
  else checkValues(byDefault, capacity, values, `${at}.validValues`, faults);
}

function checkValues(byDefault: string, capacity: string, values: readonly string[], place: string, faults: Faults): void {
  for (const [index, value] of values.entries()) {
    if (index > 0 && compareTexts(values[index - 1], value) > 0) faults.invalid(`${place}[${index}]`, value, 'values must be sorted in ascending order');
  }
  checkSet(values, VALUES_MAX, (value) => String(quantityValue(parseQuantity(value))), place, faults, (value, at) => {
    if (compareTexts(value, capacity) > 0) faults.invalid(at, value, `option is larger than capacity value: ${capacity}`);
  });
  const found = values.length <= VALUES_MAX && values.some((value) => compareTexts(value, byDefault) === 0);
  if (!found) faults.invalid(place, byDefault, 'default value is not valid according to the requestPolicy');
}

function checkRange(byDefault: string, capacity: string, { min, max, step }: CapacityRequestPolicyRange, place: string, faults: Faults): void {
  if (min === undefined) return faults.required(`${place}.min`, 'required when validRange is defined');
  if (compareTexts(min, capacity) > 0) faults.invalid(`${place}.min`, min, `min is larger than capacity value: ${capacity}`);
  if (compareTexts(byDefault, min) < 0) faults.invalid(`${place}.min`, byDefault, `default is less than min: ${min}`);
  if (max !== undefined) {
    if (compareTexts(min, max) > 0) faults.invalid(`${place}.max`, min, `min is larger than max: ${max}`);
    if (compareTexts(max, capacity) > 0) faults.invalid(`${place}.max`, max, `max is larger than capacity value: ${capacity}`);
    if (compareTexts(byDefault, max) > 0) faults.invalid(`${place}.max`, byDefault, `default is more than max: ${max}`);
  }
  if (step === undefined) return;
  const first = formatQuantity(addQuantities(parseQuantity(min), parseQuantity(step)));
  if (compareTexts(first, capacity) > 0) faults.invalid(`${place}.step`, step, `one step ${first} is larger than capacity value: ${capacity}`);
  for (const value of max === undefined ? [byDefault] : [byDefault, max]) {
    const over = quantityValue(parseQuantity(value)) - quantityValue(parseQuantity(min));
    // A step of nothing divides nothing.
    if (over % quantityValue(parseQuantity(step)) !== 0) faults.invalid(`${place}.step`, value, `value is not a multiple of a given step (${step}) from (${min})`);
  }
}
