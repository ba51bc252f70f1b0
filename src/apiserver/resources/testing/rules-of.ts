/**
 * For tests of resource definitions: objects as YAML, variants of them as merge patches, answers as texts.
 *
 *     const { create, update } = rulesOf(podDefinition, 'metadata: {name: a}\nspec: {…}');
 *     create('spec: {restartPolicy: Odd}').causes   →  ['spec.restartPolicy: Unsupported value: …']
 *
 * Runs what the handlers run of a strategy, in their order; the common checks of metadata are not among it.
 */
import { featureGates } from '#component/feature-gates';
import { KNOWN_FEATURES } from '#component/known-features';
import { decodeJson } from '#machinery/codec/json-decode';
import { parseYaml } from '#machinery/codec/yaml';
import type { FieldError } from '#machinery/field-error';
import type { KubeObject } from '#machinery/meta';
import { planOf } from '../../codec.ts';
import type { ResourceDefinition, StrategyContext } from '../definition.ts';

type Json = Record<string, unknown>;

export interface Outcome<T> {
  readonly object: T;
  readonly causes: string[];
  readonly warnings: string[];
}

export interface RulesOf<T> {
  create(patch?: string): Outcome<T>;
  /** From the stored base to a variant of it. `oldPatch` makes the stored one a variant, too. */
  update(patch: string, oldPatch?: string): Outcome<T>;
  updateStatus(patch: string, oldPatch?: string): Outcome<T>;
  updateSubresource(name: string, patch: string, oldPatch?: string): Outcome<T>;
}

/** A table row: what is tried, the merge patch, what is said about it. */
export type Row = readonly [patch: string, ...causes: string[]];

const NOW = Date.parse('2026-01-10T00:00:00Z');

export function rulesOf<T extends KubeObject>(definition: ResourceDefinition<T>, base: string, gates: Record<string, boolean> = {}): RulesOf<T> {
  const features = featureGates(KNOWN_FEATURES, gates);
  const context: StrategyContext = { nowMs: NOW, user: undefined, namespace: 'ns', dryRun: false, featureEnabled: features.enabled };
  const plan = planOf(definition.schema);
  const decode = (from: Json, patch: string): T => {
    const merged = merge(from, (parseYaml(patch).value ?? {}) as Json);
    const object = decodeJson(JSON.stringify(merged), plan, false).object as unknown as T;
    definition.strategy.defaults?.(object);
    return object;
  };
  const given = (patch: string): T => {
    const object = decode(parseYaml(base).value as Json, patch);
    object.metadata.uid = 'u';
    return object;
  };
  const stored = (patch: string): T => {
    const object = given(patch);
    const { status } = structuredClone(object) as T & { status?: unknown };
    definition.strategy.prepareForCreate?.(object, context);
    Object.assign(object.metadata, { resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z' });
    return status === undefined ? object : { ...object, status };
  };
  const change = (strategy: ResourceDefinition<T>['statusStrategy'], patch: string, oldPatch = ''): Outcome<T> => {
    const old = stored(oldPatch);
    const object = decode(old as unknown as Json, patch);
    strategy?.prepareForUpdate?.(object, old, context);
    return {
      object, causes: texts(strategy?.validateUpdate?.(object, old, context)),
      warnings: strategy?.warningsOnUpdate?.(object, old, context) ?? [],
    };
  };
  return {
    create(patch = '') {
      const object = given(patch);
      definition.strategy.prepareForCreate?.(object, context);
      return { object, causes: texts(definition.strategy.validateCreate?.(object, context)), warnings: definition.strategy.warningsOnCreate?.(object, context) ?? [] };
    },
    update: (patch, oldPatch) => change(definition.strategy, patch, oldPatch),
    updateStatus: (patch, oldPatch) => change(definition.statusStrategy, patch, oldPatch),
    updateSubresource: (name, patch, oldPatch) => change(definition.subresourceStrategies?.[name], patch, oldPatch),
  };
}

function texts(errors: readonly FieldError[] | undefined): string[] {
  return (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
}

/** A JSON merge patch. */
function merge(target: Json, patch: Json): Json {
  const out = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else if (isObject(value)) out[key] = merge(isObject(out[key]) ? out[key] : {}, value);
    else out[key] = value;
  }
  return out;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
