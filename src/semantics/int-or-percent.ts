/** Numbers that may be a share: `2` or `"25%"`. */

/** @throws RangeError for a text that is no percentage. */
export function scaledValue(value: number | string, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent === undefined) throw new RangeError(`invalid value for IntOrString: invalid type: string is not a percentage`);
  const share = (total * Number(percent)) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}
