/** Values that are a number or a percentage: `maxSurge: 25%`. */
import { quote } from './go-print.ts';

export type IntOrString = number | string;

/** Its message is upstream's. @public */
export class IntOrStringError extends Error {}

/**
 * The number meant out of `total`: the number itself, or the share of a percentage.
 * @throws IntOrStringError for a string that is no percentage.
 */
export function scaledIntOrPercent(value: IntOrString, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  if (!value.endsWith('%')) throw new IntOrStringError('invalid value for IntOrString: invalid type: string is not a percentage');
  const percent = integerOf(value.slice(0, -1));
  if (percent === undefined) {
    throw new IntOrStringError(`invalid value for IntOrString: invalid value ${quote(value)}: strconv.Atoi: parsing ${quote(value.slice(0, -1))}: invalid syntax`);
  }
  const share = percent * total / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

/** The number of an integer or of a string that holds one; 0 for every other string, as upstream. */
export function intValue(value: IntOrString): number {
  return typeof value === 'number' ? value : integerOf(value) ?? 0;
}

/** The percentage of `7%`; undefined for everything else. */
export function percentOf(value: IntOrString): number | undefined {
  return typeof value === 'string' && value.endsWith('%') ? integerOf(value.slice(0, -1)) : undefined;
}

function integerOf(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
