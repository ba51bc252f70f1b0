/**
 * The environment of a container: service variables, then `envFrom`, then `env`, each able to refer to the ones before.
 *
 * Reads ConfigMaps and Secrets through the functions given; what is missing (and not optional) is an error whose text becomes the
 * container's waiting message.
 */
import type { ConfigMap, Container, EnvVar, Pod, Secret } from '#api/generated/core/v1';
import { expand } from './expansion.ts';
import { podField, resourceField, type PodNetworkFacts } from './field-ref.ts';

export interface EnvironmentSources {
  /** Undefined when there is none. Rejects when it cannot be known. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  network: PodNetworkFacts;
  allocatable: Readonly<Record<string, string>>;
  serviceVariables: ReadonlyMap<string, string>;
  /** Keys of an envFrom source that cannot be variable names. */
  onInvalidKeys(kind: 'configMap' | 'secret', namespace: string, name: string, keys: readonly string[]): void;
}

/** Printable ASCII but `=`: what a variable may be called. */
const VARIABLE_NAME = /^[ -<>-~]+$/;

/** @throws Error with upstream's text when a source or key is missing. */
export async function containerEnvironment(pod: Pod, container: Container, sources: EnvironmentSources): Promise<Map<string, string>> {
  const env = new Map<string, string>();
  await addEnvFrom(pod, container, sources, env);
  const lookUp = (name: string): string | undefined => env.get(name) ?? sources.serviceVariables.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom === undefined || (variable.value ?? '') !== '' ? expand(variable.value ?? '', lookUp) : await referenced(pod, container, variable, sources);
    if (value !== undefined) env.set(variable.name, value);
  }
  for (const [name, value] of sources.serviceVariables) if (!env.has(name)) env.set(name, value);
  return env;
}

async function addEnvFrom(pod: Pod, container: Container, sources: EnvironmentSources, env: Map<string, string>): Promise<void> {
  const namespace = pod.metadata.namespace!;
  for (const from of container.envFrom ?? []) {
    const kind = from.configMapRef !== undefined ? 'configMap' : 'secret';
    const ref = from.configMapRef ?? from.secretRef;
    if (ref?.name === undefined) continue;
    const source = kind === 'configMap' ? await sources.configMap(namespace, ref.name) : await sources.secret(namespace, ref.name);
    if (source === undefined) {
      if (ref.optional === true) continue;
      throw new Error(`${kind.toLowerCase()} "${ref.name}" not found`);
    }
    const invalid: string[] = [];
    for (const [key, raw] of Object.entries(source.data ?? {})) {
      const name = `${from.prefix ?? ''}${key}`;
      if (!VARIABLE_NAME.test(name)) { invalid.push(key); continue; }
      env.set(name, kind === 'secret' ? Buffer.from(raw, 'base64').toString() : raw);
    }
    if (invalid.length > 0) sources.onInvalidKeys(kind, namespace, ref.name, invalid.sort());
  }
}

async function referenced(pod: Pod, container: Container, variable: EnvVar, sources: EnvironmentSources): Promise<string | undefined> {
  const from = variable.valueFrom!;
  if (from.fieldRef !== undefined) return podField(pod, from.fieldRef.fieldPath, sources.network);
  if (from.resourceFieldRef !== undefined) return resourceField(pod, from.resourceFieldRef, container, sources.allocatable);
  if (from.configMapKeyRef !== undefined) return keyOf('ConfigMap', pod.metadata.namespace!, from.configMapKeyRef, sources);
  if (from.secretKeyRef !== undefined) return keyOf('Secret', pod.metadata.namespace!, from.secretKeyRef, sources);
  return undefined;
}

async function keyOf(kind: 'ConfigMap' | 'Secret', namespace: string, ref: { name?: string; key: string; optional?: boolean }, sources: EnvironmentSources): Promise<string | undefined> {
  const name = ref.name ?? '';
  const source = kind === 'ConfigMap' ? await sources.configMap(namespace, name) : await sources.secret(namespace, name);
  if (source === undefined) {
    if (ref.optional === true) return undefined;
    throw new Error(`${kind.toLowerCase()} "${name}" not found`);
  }
  const value = source.data?.[ref.key];
  if (value === undefined) {
    if (ref.optional === true) return undefined;
    throw new Error(`couldn't find key ${ref.key} in ${kind} ${namespace}/${name}`);
  }
  return kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value;
}
