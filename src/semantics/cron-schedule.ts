/**
 * When a cron schedule is due next, in a time zone. Five fields as in crontab, `@hourly` and its like, `@every 90m`.
 *
 * The search goes over the wall clock of the zone and turns each match back into an instant: wall times that a change of
 * the clock skips are not due, those it repeats are due each time. Day of month and day of week are alternatives when both
 * are restricted. Assumes a valid schedule, as the API server has checked it.
 */
import { parseDuration } from '#machinery/duration';

export interface CronSchedule {
  /** The first instant after `afterMs`; undefined when there is none within five years. */
  next(afterMs: number): number | undefined;
}

export class CronError extends Error {}

interface Field { readonly values: ReadonlySet<number>; readonly all: boolean }

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *',
};
const names = (text: string, first: number): Record<string, number> => Object.fromEntries(text.split(' ').map((name, i) => [name, i + first]));
const BOUNDS = [
  { min: 0, max: 59, names: {} }, { min: 0, max: 23, names: {} }, { min: 1, max: 31, names: {} },
  { min: 1, max: 12, names: names('jan feb mar apr may jun jul aug sep oct nov dec', 1) }, { min: 0, max: 6, names: names('sun mon tue wed thu fri sat', 0) },
] as const;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const SEARCH_DAYS = 5 * 366;
const NANOSECONDS_PER_MS = 1_000_000;

/** @throws CronError */
export function parseCron(text: string, timeZone = 'UTC'): CronSchedule {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text);
  const zone = zoned?.[1] ?? timeZone;
  const spec = (zoned?.[2] ?? text).trim();
  if (spec.startsWith('@every ')) {
    const everyMs = Math.max(1000, Math.floor(Number(parseDuration(spec.slice(7))) / NANOSECONDS_PER_MS / 1000) * 1000);
    return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + everyMs };
  }
  const parts = (DESCRIPTORS[spec] ?? spec).split(/\s+/);
  if (parts.length !== BOUNDS.length) throw new CronError(`expected exactly ${BOUNDS.length} fields, found ${parts.length}: [${parts.join(' ')}]`);
  const [minute, hour, day, month, weekday] = parts.map((part, i) => parseField(part, BOUNDS[i]!)) as [Field, Field, Field, Field, Field];
  const offsetMs = zoneOffset(zone);
  const dayMatches = (wall: Date): boolean => {
    const byDay = day.values.has(wall.getUTCDate());
    const byWeekday = weekday.values.has(wall.getUTCDay());
    return month.values.has(wall.getUTCMonth() + 1) && (day.all || weekday.all ? byDay && byWeekday : byDay || byWeekday);
  };
  const hours = [...hour.values].sort((a, b) => a - b);
  const minutes = [...minute.values].sort((a, b) => a - b);
  return {
    next(afterMs) {
      const wallMs = afterMs + offsetMs(afterMs);
      // From the day before: where clocks go back, an earlier wall time may still come.
      const firstDay = Math.floor(wallMs / DAY_MS) - 1;
      for (let dayNumber = firstDay; dayNumber < firstDay + SEARCH_DAYS; dayNumber++) {
        if (!dayMatches(new Date(dayNumber * DAY_MS))) continue;
        let best = Infinity;
        for (const h of hours) for (const m of minutes) for (const instant of instants(dayNumber * DAY_MS + h * 60 * MINUTE_MS + m * MINUTE_MS, offsetMs)) if (instant > afterMs) best = Math.min(best, instant);
        if (best !== Infinity) return best;
      }
      return undefined;
    },
  };
}

function parseField(text: string, bounds: { readonly min: number; readonly max: number; readonly names: Readonly<Record<string, number>> }): Field {
  const values = new Set<number>();
  const number = (word: string): number => {
    const value = bounds.names[word.toLowerCase()] ?? Number(word);
    if (!Number.isInteger(value)) throw new CronError(`failed to parse int from ${word}`);
    return value;
  };
  let all = false;
  for (const part of text.split(',')) {
    const [range = '', step] = part.split('/');
    const any = range === '*' || range === '?';
    const [from, to] = any ? [bounds.min, bounds.max] : range.split('-').map(number);
    const last = to ?? (step === undefined ? from! : bounds.max);
    const by = step === undefined ? 1 : Number(step);
    if (!(by > 0) || from! < bounds.min || last > bounds.max || from! > last) throw new CronError(`bad range: ${part}`);
    for (let value = from!; value <= last; value += by) values.add(value);
    if (any && by === 1) all = true;
  }
  return { values, all };
}

/** The instants at which the zone's wall clock shows this time: one, none (skipped) or two (repeated). */
function instants(wallMs: number, offsetMs: (instantMs: number) => number): number[] {
  const candidates = new Set([wallMs - offsetMs(wallMs - DAY_MS), wallMs - offsetMs(wallMs + DAY_MS)]);
  return [...candidates].filter((instant) => instant + offsetMs(instant) === wallMs);
}

function zoneOffset(zone: string): (instantMs: number) => number {
  if (zone === '' || zone === 'UTC' || zone === 'Local') return () => 0;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  } catch {
    throw new CronError(`unknown time zone ${zone}`);
  }
  return (instantMs) => {
    const parts = Object.fromEntries(format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(parts['year']!, parts['month']! - 1, parts['day'], parts['hour'], parts['minute'], parts['second']) - Math.floor(instantMs / 1000) * 1000;
  };
}

/** RFC 3339 in the zone's own time: `2026-03-01T09:00:00+01:00`. */
export function zonedTime(instantMs: number, zone = 'UTC'): string {
  const offset = zoneOffset(zone)(instantMs) / MINUTE_MS;
  const wall = new Date(instantMs + offset * MINUTE_MS).toISOString().slice(0, 19);
  if (offset === 0) return `${wall}Z`;
  const size = Math.abs(offset);
  return `${wall}${offset < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
}
