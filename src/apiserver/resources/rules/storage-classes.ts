/** What storage classes and volume attributes classes share: the driver's name and its parameters. */
import { qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

const PARAMETERS_MAX = 512;
const PARAMETER_BYTES_MAX = 256 * 1024;

/** A qualified name, in whatever case. */
export function checkProvisioner(name: string | undefined, place: string, faults: Faults): void {
  if (!name) faults.required(place);
  else faults.invalidAll(place, name.toLowerCase(), qualifiedNameFaults(name.toLowerCase()));
}

export function checkParameters(parameters: Readonly<Record<string, string>> | undefined, mayBeEmpty: boolean, place: string, faults: Faults): void {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > PARAMETERS_MAX) return faults.tooLong(place, PARAMETERS_MAX);
  if (entries.some(([key]) => key === '')) faults.invalid(place, '', 'field can not be empty.');
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > PARAMETER_BYTES_MAX) faults.tooLong(place, PARAMETER_BYTES_MAX);
  if (!mayBeEmpty && entries.length === 0) faults.required(place, 'must contain at least one key/value pair');
}
