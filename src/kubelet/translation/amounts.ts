/**
 * Quantities as the numbers that the kernel and the runtime take: thousandths of CPUs, bytes. Bad or missing text is 0.
 */
import type { Pod } from '#api/generated/core/v1';
import { formatQuantity, parseQuantity, quantityMilliValue, quantityValue, scaledValue, ZERO_QUANTITY, type Quantity } from '#machinery/quantity';
import { podLimits, podRequests, type ResourceAmounts } from '#semantics/pod-resources';

function parse(text: string | undefined): Quantity {
  if (text === undefined) return ZERO_QUANTITY;
  try { return parseQuantity(text); } catch { return ZERO_QUANTITY; }
}

export function milliCpu(quantity: string | undefined): number {
  return quantityMilliValue(parse(quantity));
}

export function bytes(quantity: string | undefined): number {
  return quantityValue(parse(quantity));
}

const NANO = -9;

/** In billionths, exact. */
export function amountIn(quantity: string): bigint {
  return scaledValue(parse(quantity), NANO);
}

export function ceilDivide(value: bigint, divisor: bigint): bigint {
  return divisor === 0n ? 0n : (value + divisor - 1n) / divisor;
}

export function podAmounts(pod: Pod): { requests: Record<string, string>; limits: Record<string, string> } {
  return { requests: texts(podRequests(pod)), limits: texts(podLimits(pod)) };
}

function texts(amounts: ResourceAmounts): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, quantity]) => [name, formatQuantity(quantity)]));
}
