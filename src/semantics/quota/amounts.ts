/** Arithmetic of quota: amounts by resource name. */
import { addQuantities, compareQuantities, formatQuantity, isZeroQuantity, quantitySign, subtractQuantities, ZERO_QUANTITY, type Quantity } from '#machinery/quantity';

export type Amounts = Readonly<Record<string, Quantity>>;

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  const sum: Record<string, Quantity> = { ...a };
  for (const [name, quantity] of Object.entries(b)) {
    const known = sum[name];
    sum[name] = known === undefined ? quantity : addQuantities(known, quantity);
  }
  return sum;
}

/** `a - b`, never below zero. */
export function increase(a: Amounts, b: Amounts): Amounts {
  return Object.fromEntries(Object.entries(a).map(([name, quantity]) => {
    const rest = b[name] === undefined ? quantity : subtractQuantities(quantity, b[name]);
    return [name, quantitySign(rest) < 0 ? ZERO_QUANTITY : rest];
  }));
}

/** Those of the given names. */
export function only(amounts: Amounts, names: Iterable<string>): Amounts {
  const wanted = new Set(names);
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => wanted.has(name)));
}

export function withoutZeros(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, quantity]) => !isZeroQuantity(quantity)));
}

/** The names whose amount is above the limit; what has no limit is never above. */
export function exceeding(amounts: Amounts, limits: Amounts): string[] {
  return Object.entries(amounts).filter(([name, quantity]) => limits[name] !== undefined && compareQuantities(quantity, limits[name]) > 0).map(([name]) => name);
}

export function negative(amounts: Amounts): string[] {
  return Object.entries(amounts).filter(([, quantity]) => quantitySign(quantity) < 0).map(([name]) => name);
}

/** `limits.cpu=3,requests.cpu=500m`. */
export function amountsText(amounts: Amounts): string {
  return Object.keys(amounts).sort().map((name) => `${name}=${formatQuantity(amounts[name]!)}`).join(',');
}

export function isEmpty(amounts: Amounts): boolean {
  return Object.keys(amounts).length === 0;
}
