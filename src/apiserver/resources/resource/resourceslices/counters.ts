/** The rules of counters: what a set offers, or what a device takes of it. */
import type { Counter } from '#api/generated/resource/v1';
import { dns1123LabelFaults } from '#machinery/names';
import { checkMap } from '../../rules/devices.ts';
import type { Faults } from '../../rules/faults.ts';

const COUNTERS_MAX = 32;
const LABEL_BYTES_MAX = 63;

export function checkCounters(counters: Readonly<Record<string, Counter>> | undefined, at: string, faults: Faults): void {
  if (Object.keys(counters ?? {}).length === 0) return faults.required(`${at}.counters`);
  checkMap(counters, COUNTERS_MAX, `${at}.counters`, faults,
    (name, place) => faults.invalidAll(place, name, dns1123LabelFaults(name)), () => undefined, LABEL_BYTES_MAX);
}
