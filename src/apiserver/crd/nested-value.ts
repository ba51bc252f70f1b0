/** Reads and writes a field of a custom resource by its path of names, such as `.spec.replicas`. */
import { isMap, type JsonMap } from '#machinery/schema/structural';

export function pathNames(path: string): string[] {
  return path.replace(/^\./, '').split('.');
}

/** @throws Error in upstream's words where something on the way is no map. */
export function nestedValue(object: JsonMap, names: readonly string[]): unknown {
  let current: unknown = object;
  for (const [index, name] of names.entries()) {
    if (current === undefined || current === null) return undefined;
    if (!isMap(current)) throw new Error(`.${names.slice(0, index + 1).join('.')} accessor error: ${printed(current)} is of the type ${goType(current)}, expected map[string]interface{}`);
    current = Object.hasOwn(current, name) ? current[name] : undefined;
  }
  return current;
}

/** @throws Error where the field is no whole number. */
export function nestedInteger(object: JsonMap, names: readonly string[]): number | undefined {
  const value = nestedValue(object, names);
  if (value === undefined) return undefined;
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return Number(value);
  throw new Error(`.${names.join('.')} accessor error: ${printed(value)} is of the type ${goType(value)}, expected int64`);
}

/** @throws Error where the field is no text. */
export function nestedText(object: JsonMap, names: readonly string[]): string | undefined {
  const value = nestedValue(object, names);
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`.${names.join('.')} accessor error: ${printed(value)} is of the type ${goType(value)}, expected string`);
}

/** Makes the maps on the way. */
export function setNested(object: JsonMap, names: readonly string[], value: unknown): void {
  let current = object;
  for (const name of names.slice(0, -1)) {
    const next = Object.hasOwn(current, name) ? current[name] : undefined;
    if (isMap(next)) current = next;
    else current = current[name] = {} as JsonMap;
  }
  current[names.at(-1)!] = value;
}

function goType(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'number': return Number.isSafeInteger(value) ? 'int64' : 'float64';
    default: return 'map[string]interface {}';
  }
}

function printed(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value === null ? '<nil>' : String(value);
}
