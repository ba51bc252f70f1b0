/** What is wrong with a cron schedule, in the words of the parser that upstream uses. */
import { parseDuration } from '#machinery/duration';
import { quote } from '#machinery/go-print';

interface Bounds { readonly min: number; readonly max: number; readonly names?: Readonly<Record<string, number>> }

const numbered = (names: string, first: number): Record<string, number> => Object.fromEntries(names.split(' ').map((name, index) => [name, index + first]));
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 }, { min: 0, max: 23 }, { min: 1, max: 31 },
  { min: 1, max: 12, names: numbered('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  { min: 0, max: 6, names: numbered('sun mon tue wed thu fri sat', 0) },
];
const DESCRIPTORS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const EVERY = '@every ';

/** @returns the first fault; undefined for a good schedule. */
export function scheduleFault(schedule: string): string | undefined {
  let spec = schedule;
  if (/^(CRON_)?TZ=/.test(spec)) {
    const space = spec.indexOf(' ');
    if (space === -1) return 'invalid schedule format: runtime error: slice bounds out of range [:-1]';
    const zone = spec.slice(spec.indexOf('=') + 1, space);
    if (!isTimeZone(zone)) return `provided bad location ${zone}: unknown time zone ${zone}`;
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith('@')) return descriptorFault(spec);
  const fields = spec.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== FIELDS.length) return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [index, field] of fields.entries()) {
    for (const range of field.split(',').filter((part) => part !== '')) {
      const fault = rangeFault(range, FIELDS[index]!);
      if (fault) return fault;
    }
  }
  return undefined;
}

export function isTimeZone(zone: string): boolean {
  if (zone === '' || zone === 'UTC' || zone === 'Local') return true;
  try {
    // Zone names are case-sensitive, which Intl's are not: its own spelling tells.
    const known = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
    return known === zone || (known.toLowerCase() !== zone.toLowerCase() && /^[A-Z]/.test(zone));
  } catch {
    return false;
  }
}

function descriptorFault(spec: string): string | undefined {
  if (DESCRIPTORS.includes(spec)) return undefined;
  if (!spec.startsWith(EVERY)) return `unrecognized descriptor: ${spec}`;
  try {
    parseDuration(spec.slice(EVERY.length));
    return undefined;
  } catch (error) {
    return `failed to parse duration ${spec}: ${(error as Error).message}`;
  }
}

function rangeFault(range: string, bounds: Bounds): string | undefined {
  const [interval = '', stepText, ...tooMany] = range.split('/');
  const limits = interval.split('-');
  const isAll = limits[0] === '*' || limits[0] === '?';
  const start = isAll ? bounds.min : readNumber(limits[0]!, bounds.names);
  if (typeof start === 'string') return start;
  if (!isAll && limits.length > 2) return `too many hyphens: ${range}`;
  let end: number | string = isAll ? bounds.max : limits.length === 2 ? readNumber(limits[1]!, bounds.names) : start;
  if (typeof end === 'string') return end;
  if (tooMany.length > 0) return `too many slashes: ${range}`;
  const step = stepText === undefined ? 1 : readNumber(stepText, undefined);
  if (typeof step === 'string') return step;
  if (stepText !== undefined && limits.length === 1) end = bounds.max;
  if (start < bounds.min) return `beginning of range (${start}) below minimum (${bounds.min}): ${range}`;
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${range}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${range}`;
  return step === 0 ? `step of range should be a positive number: ${range}` : undefined;
}

/** @returns the number, or what is wrong with it. */
function readNumber(text: string, names: Readonly<Record<string, number>> | undefined): number | string {
  const named = names?.[text.toLowerCase()];
  if (named !== undefined) return named;
  if (!/^[+-]?\d+$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${quote(text)}: invalid syntax`;
  const value = Number(text);
  return value < 0 ? `negative number (${value}) not allowed: ${text}` : value;
}
