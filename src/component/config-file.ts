/**
 * Component configuration from a YAML or JSON file of a known kind, under which flags win.
 *
 * Unknown fields are refused by the caller's reader; this only loads, checks kind and apiVersion, and overlays.
 */
import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';

export class ConfigError extends Error {}

const CONFIG_BYTES_MAX = 3 * 1024 * 1024;

/** @throws ConfigError when it is not a document of that kind. */
export async function readConfigFile(path: string, kind: string, apiVersions: readonly string[]): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ConfigError(`cannot read the configuration ${path}: ${(cause as Error).message}`, { cause });
  }
  if (text.length > CONFIG_BYTES_MAX) throw new ConfigError(`the configuration ${path} is larger than ${CONFIG_BYTES_MAX} bytes`);
  return parseConfig(text, kind, apiVersions, path);
}

export function parseConfig(text: string, kind: string, apiVersions: readonly string[], source = 'configuration'): Record<string, unknown> {
  let value: unknown;
  try {
    value = load(text);
  } catch (cause) {
    throw new ConfigError(`${source} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigError(`${source}: an object is expected`);
  const config = value as Record<string, unknown>;
  if (config['kind'] !== kind) throw new ConfigError(`${source}: kind must be ${kind}, not ${String(config['kind'])}`);
  if (!apiVersions.includes(String(config['apiVersion']))) throw new ConfigError(`${source}: apiVersion must be one of ${apiVersions.join(', ')}`);
  return config;
}

/** `over` wins where it is defined; objects are merged, lists replaced. */
export function overlay<T extends object>(under: T, over: { readonly [K in keyof T]?: T[K] | undefined }): T {
  const merged = { ...under } as Record<string, unknown>;
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined || key === '__proto__') continue;
    const below = merged[key];
    merged[key] = isPlain(below) && isPlain(value) ? overlay(below, value) : value;
  }
  return merged as T;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
