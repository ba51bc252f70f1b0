/** What claims, slices and classes of devices share: names, lists, taints, opaque parameters. */
import type { DeviceTaint, DeviceToleration } from '#api/generated/resource/v1';
import { cIdentifierFaults, dns1123SubdomainFaults, labelValueFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { checkLabelName } from './metadata.ts';
import { checkCsiDriverName } from './volume-sources.ts';

const POOL_NAME_BYTES_MAX = 253;
const IDENTIFIER_BYTES_MAX = 32;
/** A domain, a slash and an identifier. */
const QUALIFIED_NAME_BYTES_MAX = 63 + 1 + IDENTIFIER_BYTES_MAX;
const BINDING_CONDITIONS_MAX = 4;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

export const checkDriverName = checkCsiDriverName;

/** Stops at a list that is too long. */
export function checkList<T>(list: readonly T[] | undefined, max: number, place: string, faults: Faults, check: (item: T, at: string) => void): void {
  const items = list ?? [];
  if (items.length > max) return faults.tooMany(place, items.length, max);
  for (const [index, item] of items.entries()) check(item, `${place}[${index}]`);
}

/** A list whose items differ by their key. */
export function checkSet<T>(list: readonly T[] | undefined, max: number, key: (item: T) => string, place: string, faults: Faults,
  check: (item: T, at: string) => void): void {
  checkList(list, max, place, faults, check);
  const items = list ?? [];
  if (items.length > max) return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const own = key(item);
    if (seen.has(own)) faults.duplicate(`${place}[${index}]`, own);
    seen.add(own);
  }
}

/** Keys are reported at the map, values at their key. */
export function checkMap<T>(map: Readonly<Record<string, T>> | undefined, max: number, place: string, faults: Faults,
  checkKey: (key: string, place: string, faults: Faults) => void, check: (value: T, at: string) => void, keyBytesMax = QUALIFIED_NAME_BYTES_MAX): void {
  const entries = Object.entries(map ?? {});
  if (entries.length > max) return faults.tooMany(place, entries.length, max);
  for (const [key, value] of entries) {
    checkKey(key, place, faults);
    check(value, `${place}[${shortened(key, keyBytesMax)}]`);
  }
}

function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const rest = max - '...'.length;
  return `${text.slice(0, (rest + 1) >> 1)}...${text.slice(text.length - (rest >> 1))}`;
}

export function checkPoolName(name: string | undefined, place: string, faults: Faults): void {
  if (!name) return faults.required(place);
  if (Buffer.byteLength(name) > POOL_NAME_BYTES_MAX) faults.tooLong(place, POOL_NAME_BYTES_MAX);
  for (const part of name.split('/')) faults.invalidAll(place, part, dns1123SubdomainFaults(part));
}

function checkIdentifier(id: string, place: string, faults: Faults): void {
  if (Buffer.byteLength(id) > IDENTIFIER_BYTES_MAX) faults.tooLong(place, IDENTIFIER_BYTES_MAX);
  faults.invalidAll(place, id, cIdentifierFaults(id));
}

/** An identifier, with a domain before it or not. */
export function checkQualifiedName(name: string, place: string, faults: Faults): void {
  const parts = name.split('/');
  if (parts.length === 1) return checkIdentifier(name, place, faults);
  if (parts.length > 2) return;
  const [domain, id] = parts as [string, string];
  if (domain === '') faults.invalid(place, '', 'the domain must not be empty');
  else checkDriverName(domain, place, faults);
  if (id === '') faults.invalid(place, '', 'the name must not be empty');
  else checkIdentifier(id, place, faults);
}

export function checkFullName(name: string, place: string, faults: Faults): void {
  checkQualifiedName(name, place, faults);
  if (!name.includes('/')) faults.invalid(place, name, 'a fully qualified name must be a domain and a name separated by a slash');
}

export function checkShareId(id: string, place: string, faults: Faults): void {
  const fault = uuidFault(id);
  if (fault) faults.invalid(place, id, `error validating uid: ${fault}`);
  else if (id.length !== 36 || id !== id.toLowerCase()) {
    faults.invalid(place, id, 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters');
  }
}

const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function uuidFault(id: string): string | undefined {
  const bad = 'invalid UUID format';
  switch (id.length) {
    case 36: return DASHED.test(id) ? undefined : bad;
    case 32: return /^[0-9a-f]{32}$/i.test(id) ? undefined : bad;
    case 45:
      if (!/^urn:uuid:/i.test(id)) return `invalid urn prefix: ${JSON.stringify(id.slice(0, 9))}`;
      return DASHED.test(id.slice(9)) ? undefined : bad;
    case 38:
      if (!id.startsWith('{') || !id.endsWith('}')) return 'invalid bracketed UUID format';
      return DASHED.test(id.slice(1, -1)) ? undefined : bad;
    default: return `invalid UUID length: ${id.length}`;
  }
}

export function checkOpaqueParameters(value: unknown, bytesMax: number, stored: boolean, place: string, faults: Faults): void {
  if (value === undefined || value === null) return faults.required(place);
  if (!stored && Buffer.byteLength(JSON.stringify(value)) > bytesMax) return faults.tooLong(place, bytesMax);
  if (typeof value !== 'object' || Array.isArray(value)) faults.invalid(place, '<value omitted>', 'must be a valid JSON object');
}

export function checkBindingConditions(conditions: readonly string[] | undefined, failures: readonly string[] | undefined, place: string, faults: Faults): void {
  const own = conditions ?? [];
  const failing = failures ?? [];
  const at = { own: `${place}.bindingConditions`, failing: `${place}.bindingFailureConditions` };
  checkList(own, BINDING_CONDITIONS_MAX, at.own, faults, (name, item) => checkLabelName(name, item, faults));
  checkList(failing, BINDING_CONDITIONS_MAX, at.failing, faults, (name, item) => checkLabelName(name, item, faults));
  for (const [index, name] of own.entries()) if (own.indexOf(name) < index) faults.duplicate(`${at.own}[${index}]`, name);
  for (const [index, name] of failing.entries()) {
    if (failing.indexOf(name) < index) faults.duplicate(`${at.failing}[${index}]`, name);
    if (own.includes(name)) faults.invalid(`${at.failing}[${index}]`, name, 'bindingFailureConditions must not overlap with bindingConditions');
  }
  if (own.length === 0 && failing.length > 0) {
    faults.invalid(at.own, conditions ?? null, 'bindingConditions are required to use bindingFailureConditions');
  }
  if (failing.length === 0 && own.length > 0) {
    faults.invalid(at.failing, failures ?? null, 'bindingFailureConditions are required to use bindingConditions');
  }
}

/** @param oldEffect the effect of the stored taint, which may stay whatever it is. */
export function checkTaint({ key, value, effect }: DeviceTaint, oldEffect: string | undefined, place: string, faults: Faults): void {
  checkLabelName(key, `${place}.key`, faults);
  if (value) faults.invalidAll(`${place}.value`, value, labelValueFaults(value));
  if (oldEffect === undefined || oldEffect !== effect) faults.oneOf(`${place}.effect`, effect, EFFECTS);
}

export function checkToleration({ key, operator, value = '', effect }: DeviceToleration, place: string, faults: Faults): void {
  if (key) checkLabelName(key, `${place}.key`, faults);
  if (operator === 'Exists') {
    if (value !== '') faults.invalid(`${place}.value`, value, 'must be empty for operator `Exists`');
  } else if (operator === 'Equal') {
    faults.invalidAll(`${place}.value`, value, labelValueFaults(value));
  } else {
    faults.oneOf(`${place}.operator`, operator, ['Equal', 'Exists']);
  }
  if (effect) faults.strictlyOneOf(`${place}.effect`, effect, EFFECTS);
}
