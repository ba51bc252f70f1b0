/** 64-bit integers in text, as Go's strconv reads them. */

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Decimal with an optional sign, within int64; undefined for anything else. */
export function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value < MIN_INT64 || value > MAX_INT64 ? undefined : value;
}

/** Decimal without a sign, within uint64; undefined for anything else. Resource versions are such. */
export function parseUint64(text: string): bigint | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > 2n ** 64n - 1n ? undefined : value;
}
