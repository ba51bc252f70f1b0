/** References to objects of any kind, whose parts become parts of addresses. */
import { dns1123SubdomainFaults, pathSegmentNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

interface AnyReference {
  readonly apiGroup?: string;
  readonly kind?: string;
  readonly name?: string;
}

/** An API group (perhaps), a kind and a name. */
export function checkAnyReference(reference: AnyReference, place: string, faults: Faults): void {
  if (reference.apiGroup !== undefined) faults.invalidAll(`${place}.apiGroup`, reference.apiGroup, dns1123SubdomainFaults(reference.apiGroup));
  checkPathSegment(reference.kind, `${place}.kind`, faults);
  checkPathSegment(reference.name, `${place}.name`, faults);
}

export function checkPathSegment(text: string | undefined, place: string, faults: Faults): void {
  if (!text) faults.required(place);
  else faults.invalidAll(place, text, pathSegmentNameFaults(text));
}
