/**
 * The parts of timestamps, in UTC or a zone, and of durations.
 */
import { floorDiv } from '../conversion.ts';
import { overload, type Library, type Overload } from '../declaration.ts';
import { Failure, type Duration, type Timestamp } from '../value.ts';

/** Read with the UTC getters from a date moved by the zone's offset. */
type Part = (date: Date, nanos: bigint) => number;

const dayOfYear: Part = (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000);

const PARTS: ReadonlyArray<readonly [name: string, id: string, part: Part]> = [
  ['getFullYear', 'year', (date) => date.getUTCFullYear()], ['getMonth', 'month', (date) => date.getUTCMonth()], ['getDayOfYear', 'day_of_year', dayOfYear],
  ['getDayOfMonth', 'day_of_month', (date) => date.getUTCDate() - 1], ['getDate', 'day_of_month_1_based', (date) => date.getUTCDate()],
  ['getDayOfWeek', 'day_of_week', (date) => date.getUTCDay()], ['getHours', 'hours', (date) => date.getUTCHours()],
  ['getMinutes', 'minutes', (date) => date.getUTCMinutes()], ['getSeconds', 'seconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', 'milliseconds', (_, nanos) => Number((nanos - floorDiv(nanos, 1_000_000_000n) * 1_000_000_000n) / 1_000_000n)],
];

function partsOf(name: string, id: string, part: Part): Overload[] {
  return [
    overload(`timestamp_to_${id}`, `(timestamp).${name}(): int`, ([time]: [Timestamp]) => read(time, 0, part)),
    overload(`timestamp_to_${id}_with_tz`, `(timestamp).${name}(string): int`, ([time, zone]: [Timestamp, string]) => {
      const offset = zoneOffsetMs(time, zone);
      return offset instanceof Failure ? offset : read(time, offset, part);
    }),
  ];
}

function read(time: Timestamp, offsetMs: number, part: Part): bigint {
  return BigInt(part(new Date(Number(floorDiv(time.nanos, 1_000_000n)) + offsetMs), time.nanos));
}

function zoneOffsetMs(time: Timestamp, zone: string): number | Failure {
  const fixed = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000;
  if (zone === '' || zone === 'UTC') return 0;
  if (/:/.test(zone)) return new Failure(`strconv.Atoi: parsing "${zone.split(':')[0]}": invalid syntax`);
  return namedZoneOffsetMs(time, zone);
}

function namedZoneOffsetMs(time: Timestamp, zone: string): number | Failure {
  try {
    const ms = Number(floorDiv(time.nanos, 1_000_000n));
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const local = Date.UTC(part['year']!, part['month']! - 1, part['day'], part['hour'], part['minute'], part['second']);
    return local - Math.floor(ms / 1000) * 1000;
  } catch {
    return new Failure(`unknown time zone ${zone}`);
  }
}

const duration = (name: string, id: string, unit: bigint): Overload => overload(id, `(duration).${name}(): int`, ([span]: [Duration]) => span.nanos / unit);

export const TIME: Library = [
  ...PARTS.flatMap(([name, id, part]) => partsOf(name, id, part)),
  duration('getHours', 'duration_to_hours', 3_600_000_000_000n), duration('getMinutes', 'duration_to_minutes', 60_000_000_000n),
  duration('getSeconds', 'duration_to_seconds', 1_000_000_000n), duration('getMilliseconds', 'duration_to_milliseconds', 1_000_000n),
];
