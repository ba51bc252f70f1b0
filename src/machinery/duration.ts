/**
 * Go's durations: `1h30m`, `1.5s`, `-100ms`, in nanoseconds (whole, within 64 bits).
 */
import { quote } from './go-print.ts';

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n, us: 1_000n, '\u00b5s': 1_000n, '\u03bcs': 1_000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n, h: 3_600_000_000_000n,
};
/** Leading zeros and all; 19 are what 64 bits hold. */
const WHOLE_DIGITS_MAX = 40;
const MAX_INT64 = 2n ** 63n - 1n;

/** Its message is upstream's. @public */
export class DurationError extends Error {}

/** @returns nanoseconds. @throws DurationError */
export function parseDuration(text: string): bigint {
  const fault = (): DurationError => new DurationError(`time: invalid duration ${quote(text)}`);
  const sign = text.startsWith('-') ? -1n : 1n;
  let rest = text.replace(/^[-+]/, '');
  if (rest === '0') return 0n;
  if (rest === '') throw fault();
  let total = 0n;
  while (rest !== '') {
    const match = /^(\d*)(\.\d*)?([^.\d]*)/.exec(rest)!;
    const [matched, whole, fraction, unit] = match as unknown as [string, string, string | undefined, string];
    if (whole === '' && (fraction === undefined || fraction === '.')) throw fault();
    if (unit === '') throw new DurationError(`time: missing unit in duration ${quote(text)}`);
    const size = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (size === undefined) throw new DurationError(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    if (whole.length > WHOLE_DIGITS_MAX) throw fault();
    const digits = (fraction ?? '.').slice(1, 19);
    total += BigInt(whole === '' ? 0 : whole) * size + (digits === '' ? 0n : BigInt(digits) * size / 10n ** BigInt(digits.length));
    if (total > MAX_INT64 + (sign < 0n ? 1n : 0n)) throw fault();
    rest = rest.slice(matched.length);
  }
  return sign * total;
}

/** @returns milliseconds, fractions kept. @throws DurationError */
export function parseDurationMs(text: string): number {
  return Number(parseDuration(text)) / 1e6;
}

/** `1h0m0s`, `1.5s`, `20ms`, `0s`, as Go prints them. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const value = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const decimal = (amount: bigint, unit: bigint): string => {
    const fraction = (amount % unit).toString().padStart(unit.toString().length - 1, '0').replace(/0+$/, '');
    return fraction === '' ? String(amount / unit) : `${amount / unit}.${fraction}`;
  };
  if (value < 1_000n) return `${sign}${value}ns`;
  if (value < 1_000_000n) return `${sign}${decimal(value, 1_000n)}\u00b5s`;
  if (value < 1_000_000_000n) return `${sign}${decimal(value, 1_000_000n)}ms`;
  const hours = value / 3_600_000_000_000n;
  const minutes = (value / 60_000_000_000n) % 60n;
  const seconds = decimal(value % 60_000_000_000n, 1_000_000_000n);
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

export function formatDurationMs(milliseconds: number): string {
  return formatDuration(BigInt(Math.round(milliseconds * 1e6)));
}
