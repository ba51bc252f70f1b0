/** The rules of device selectors and configuration, and of what a claim asks for. */
import type {
  DeviceClaim, DeviceConstraint, DeviceRequest, DeviceSelector, DeviceSubRequest, ExactDeviceRequest, OpaqueDeviceConfiguration,
} from '#api/generated/resource/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { checkDriverName, checkFullName, checkList, checkOpaqueParameters, checkSet, checkToleration } from './devices.ts';
import type { Faults } from './faults.ts';
import { checkDeviceExpression } from './expressions.ts';

const REQUESTS_MAX = 32;
const ALTERNATIVES_MAX = 8;
const CONSTRAINTS_MAX = 32;
const SELECTORS_MAX = 32;
const PARAMETERS_BYTES_MAX = 10 * 1024;
const EXPRESSION_BYTES_MAX = 10 * 1024;
export const CONFIGURATIONS_MAX = 32;
const UNKNOWN_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** The names of a claim's requests, each with those of its alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export function requestNames(claim: DeviceClaim | undefined): RequestNames {
  return new Map((claim?.requests ?? []).map(({ name = '', firstAvailable }) => [name, new Set((firstAvailable ?? []).map((one) => one.name ?? ''))]));
}

export function checkRequestReference(name: string, names: RequestNames, place: string, faults: Faults): void {
  const segments = name.split('/');
  if (segments.length > 2) return faults.invalid(place, name, UNKNOWN_REQUEST);
  for (const segment of segments) faults.invalidAll(place, segment, dns1123LabelFaults(segment));
  const alternatives = names.get(segments[0]!);
  if (!alternatives || (segments.length === 2 && !alternatives.has(segments[1]!))) faults.invalid(place, name, UNKNOWN_REQUEST);
}

export function checkRequestReferences(list: readonly string[] | undefined, names: RequestNames, place: string, faults: Faults): void {
  checkSet(list, REQUESTS_MAX, (name) => name, place, faults, (name, at) => checkRequestReference(name, names, at, faults));
}

export function checkDeviceClaim(claim: DeviceClaim, place: string, faults: Faults): void {
  const names = requestNames(claim);
  checkSet(claim.requests, REQUESTS_MAX, ({ name = '' }) => name, `${place}.requests`, faults, (request, at) => checkRequest(request, at, faults));
  checkList(claim.constraints, CONSTRAINTS_MAX, `${place}.constraints`, faults, (constraint, at) => checkConstraint(constraint, names, at, faults));
  checkList(claim.config, CONFIGURATIONS_MAX, `${place}.config`, faults, (config, at) => {
    checkRequestReferences(config.requests, names, `${at}.requests`, faults);
    checkConfiguration(config.opaque, false, at, faults);
  });
}

function checkRequest(request: DeviceRequest, at: string, faults: Faults): void {
  const { name = '', exactly, firstAvailable = [] } = request;
  faults.invalidAll(`${at}.name`, name, dns1123LabelFaults(name));
  const text = 'exactly one of `exactly` or `firstAvailable` is required';
  if (!exactly && firstAvailable.length === 0) faults.required(at, text);
  else if (exactly && firstAvailable.length > 0) faults.invalid(at, null, `${text}, but multiple fields are set`);
  else if (exactly) checkExact(exactly, `${at}.exactly`, faults);
  else checkSet(firstAvailable, ALTERNATIVES_MAX, (one) => one.name ?? '', `${at}.firstAvailable`, faults, (one, place) => checkAlternative(one, place, faults));
}

function checkAlternative(request: DeviceSubRequest, at: string, faults: Faults): void {
  faults.invalidAll(`${at}.name`, request.name ?? '', dns1123LabelFaults(request.name ?? ''));
  checkExact(request, at, faults);
}

function checkExact(request: ExactDeviceRequest, at: string, faults: Faults): void {
  const { deviceClassName: className, allocationMode: mode, count = 0 } = request;
  if (!className) faults.required(`${at}.deviceClassName`);
  else faults.invalidAll(`${at}.deviceClassName`, className, dns1123SubdomainFaults(className));
  checkSelectors(request.selectors, false, `${at}.selectors`, faults);
  if (mode === 'All') {
    if (Number(count) !== 0) faults.invalid(`${at}.count`, count, "must not be specified when allocationMode is 'All'");
  } else if (mode === 'ExactCount') {
    if (Number(count) <= 0) faults.invalid(`${at}.count`, count, 'must be greater than zero');
  } else {
    faults.notSupported(`${at}.allocationMode`, mode, ['All', 'ExactCount']);
  }
  for (const [index, toleration] of (request.tolerations ?? []).entries()) checkToleration(toleration, `${at}.tolerations[${index}]`, faults);
}

export function checkSelectors(selectors: readonly DeviceSelector[] | undefined, stored: boolean, place: string, faults: Faults): void {
  checkList(selectors, SELECTORS_MAX, place, faults, ({ cel }, at) => {
    if (!cel) return faults.required(`${at}.cel`);
    const expression = cel.expression ?? '';
    if (Buffer.byteLength(expression) > EXPRESSION_BYTES_MAX) return faults.tooLong(`${at}.cel.expression`, EXPRESSION_BYTES_MAX);
    checkDeviceExpression(expression, stored, `${at}.cel.expression`, faults);
  });
}

function checkConstraint(constraint: DeviceConstraint, names: RequestNames, at: string, faults: Faults): void {
  checkRequestReferences(constraint.requests, names, `${at}.requests`, faults);
  if (constraint.matchAttribute !== undefined) checkFullName(constraint.matchAttribute, `${at}.matchAttribute`, faults);
  else if (constraint.distinctAttribute !== undefined) checkFullName(constraint.distinctAttribute, `${at}.distinctAttribute`, faults);
  else faults.required(at, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set');
}

export function checkConfiguration(opaque: OpaqueDeviceConfiguration | undefined, stored: boolean, at: string, faults: Faults): void {
  if (!opaque) return faults.required(`${at}.opaque`);
  checkDriverName(opaque.driver, `${at}.opaque.driver`, faults);
  checkOpaqueParameters(opaque.parameters, PARAMETERS_BYTES_MAX, stored, `${at}.opaque.parameters`, faults);
}
