/** Checks and corrections of single quantities and of lists of resources (`cpu: 100m`). */
import type { ResourceRequirements } from '#api/generated/core/v1';
import {
  compareQuantities, formatQuantity, isZeroQuantity, newMilliQuantity, parseQuantity, quantitySign, scaledValue, ZERO_QUANTITY,
} from '#machinery/quantity';
import { qualifiedNameFaults } from '#machinery/names';
import { isHugePages, isNativeResource } from '#semantics/resource-names';
import type { Faults } from './faults.ts';

export type ResourceList = Readonly<Record<string, string>>;

const MILLI = -3;
const INT64_MAX = 2n ** 63n - 1n;
const COUNTED = ['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims',
  'services.nodeports', 'services.loadbalancers'];
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const STANDARD = new Set([
  ...COMPUTE, ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]), ...COUNTED, 'storage', 'requests.storage',
]);

/** Quantities finer than a thousandth are rounded up, as the API always did. */
export function roundUpResources(list: Record<string, string> | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(text);
    if (quantity.scale < MILLI) {
      const rounded = newMilliQuantity(scaledValue(quantity, MILLI), quantity.format);
      if (compareQuantities(rounded, quantity) !== 0) list![name] = formatQuantity(rounded);
    }
  }
}

export function isNegative(text: string): boolean {
  return quantitySign(parseQuantity(text)) < 0;
}

export function isZero(text: string | number): boolean {
  return isZeroQuantity(parseQuantity(String(text)));
}

/** @returns negative, zero or positive; an absent quantity counts as zero. */
export function compareTexts(a: string | undefined, b: string | undefined): number {
  return compareQuantities(a === undefined ? ZERO_QUANTITY : parseQuantity(a), b === undefined ? ZERO_QUANTITY : parseQuantity(b));
}

/** Not a whole number. Upstream counts thousandths in an int64, so what exceeds that counts as fractional, too. */
export function isFractional(text: string): boolean {
  const milli = scaledValue(parseQuantity(text), MILLI);
  return milli % 1000n !== 0n || milli > INT64_MAX || milli < -INT64_MAX;
}

export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith('requests.') && qualifiedNameFaults(`requests.${name}`).length === 0;
}

export function isStandardResource(name: string): boolean {
  return STANDARD.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
}

export function isStandardContainerResource(name: string): boolean {
  return COMPUTE.includes(name) || isHugePages(name);
}

/** `storage` without a prefix is no quota resource, everything else that is standard is. */
export function isStandardQuotaResource(name: string): boolean {
  return name !== 'storage' && isStandardResource(name);
}

export function isCountedResource(name: string): boolean {
  return COUNTED.includes(name) || isExtendedResource(name);
}

/** Not negative, and whole where the resource is counted. */
export function checkQuantityOf(name: string, text: string, place: string, faults: Faults): void {
  if (isNegative(text)) faults.invalid(place, text, 'must be greater than or equal to 0');
  if (isCountedResource(name) && isFractional(text)) faults.invalid(place, text, 'must be an integer');
}

/** @returns whether it is positive. */
export function checkPositiveQuantity(text: string, place: string, faults: Faults): boolean {
  if (quantitySign(parseQuantity(text)) > 0) return true;
  faults.invalid(place, text, 'must be greater than zero');
  return false;
}

export function checkBasicQuantity(text: string, place: string, faults: Faults): void {
  const value = scaledValue(parseQuantity(text), 0);
  if (value < 0n) faults.invalid(place, value, 'must be a valid resource quantity');
}

/** A qualified name that is a standard resource or has a domain. */
export function checkResourceName(name: string, place: string, faults: Faults): boolean {
  const texts = qualifiedNameFaults(name);
  faults.invalidAll(place, name, texts);
  if (texts.length > 0) return false;
  if (name.includes('/') || isStandardResource(name)) return true;
  faults.invalid(place, name, 'must be a standard resource type or fully qualified');
  return false;
}

/** @returns the text of the fault when the quantity is no multiple of the page size in the name. */
export function hugePagesText(name: string, text: string): string | undefined {
  let divisible = false;
  try {
    const pageSize = parseQuantity(name.slice('hugepages-'.length));
    divisible = quantitySign(pageSize) > 0 && scaledValue(pageSize, MILLI) % 1000n === 0n
      && scaledValue(parseQuantity(text), 0) % scaledValue(pageSize, 0) === 0n;
  } catch {
    // A name that holds no size divides nothing.
  }
  return divisible ? undefined : `${text} is not positive integer multiple of ${name}`;
}

export function hasIndivisibleHugePages(resources: ResourceRequirements | undefined): boolean {
  return [resources?.limits, resources?.requests].some((list) => Object.entries(list ?? {})
    .some(([name, text]) => isHugePages(name) && hugePagesText(name, text) !== undefined));
}
