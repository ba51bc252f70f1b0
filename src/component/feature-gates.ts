/**
 * Feature gates: named switches with a stage and a default, set by `--feature-gates=Name=true,Other=false`.
 *
 * `AllAlpha` and `AllBeta` set the default of a whole stage; a gate's own setting wins. A locked gate cannot be changed.
 */

export interface FeatureGate { readonly default: boolean; readonly stage: 'alpha' | 'beta' | 'stable' | 'deprecated'; readonly locked?: boolean }

export interface FeatureGates {
  /** @throws Error for a name that is not known: a spelling mistake must not be silent. */
  enabled(name: string): boolean;
  all(): ReadonlyMap<string, boolean>;
}

export class FeatureGateError extends Error {}

/** @throws FeatureGateError for an unknown name, a bad value, or a change of a locked gate. */
export function featureGates(known: Readonly<Record<string, FeatureGate>>, settings: Readonly<Record<string, boolean>> = {}): FeatureGates {
  const values = new Map<string, boolean>();
  for (const [name, gate] of Object.entries(known)) {
    const stageDefault = gate.stage === 'alpha' ? settings['AllAlpha'] : gate.stage === 'beta' ? settings['AllBeta'] : undefined;
    values.set(name, gate.locked === true ? gate.default : stageDefault ?? gate.default);
  }
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'AllAlpha' || name === 'AllBeta') continue;
    const gate = Object.hasOwn(known, name) ? known[name] : undefined;
    if (gate === undefined) throw new FeatureGateError(`unrecognized feature gate: ${name}`);
    if (gate.locked === true && value !== gate.default) throw new FeatureGateError(`cannot set feature gate ${name} to ${value}, feature is locked to ${gate.default}`);
    values.set(name, value);
  }
  return {
    enabled(name) {
      const value = values.get(name);
      if (value === undefined) throw new FeatureGateError(`feature "${name}" is not registered`);
      return value;
    },
    all: () => values,
  };
}

/** `A=true,B=false` → record. @throws FeatureGateError */
export function parseFeatureGates(text: string): Record<string, boolean> {
  const settings: Record<string, boolean> = {};
  for (const part of text.split(',').map((word) => word.trim()).filter((word) => word !== '')) {
    const [name, value, ...more] = part.split('=').map((word) => word.trim());
    if (value === undefined || more.length > 0) throw new FeatureGateError(`missing bool value for ${name}`);
    if (!/^(true|false|1|0|t|f)$/i.test(value)) throw new FeatureGateError(`invalid value of ${name}=${value}`);
    settings[name!] = /^(true|1|t)$/i.test(value);
  }
  return settings;
}
