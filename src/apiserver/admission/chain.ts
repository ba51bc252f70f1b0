/**
 * Runs the plugins in their order: first every `admit`, which may change the object, later every `validate`.
 *
 *     decode → admit … admit (→ admit … admit again) → (strategy, validation) → validate … validate → store
 *
 * The first refusal ends it. When a late plugin changed the object, all of `admit` runs once more. Which plugins and in which order: `registry.ts`.
 */
import type { AdmissionAttributes, AdmissionPlugin, Rounds } from './plugin.ts';

export interface AdmissionChain {
  /** @throws StatusError */
  admit(attributes: AdmissionAttributes): Promise<void>;
  /** @throws StatusError */
  validate(attributes: AdmissionAttributes): Promise<void>;
}

export function admissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  const names = new Set<string>();
  for (const { name } of plugins) {
    if (names.has(name)) throw new Error(`the admission plugin ${name} is listed twice`);
    names.add(name);
  }
  const mutating = plugins.filter((plugin) => plugin.admit !== undefined);
  const validating = plugins.filter((plugin) => plugin.validate !== undefined);
  return {
    async admit(attributes) {
      const memory = new Map<string, unknown>();
      let isWanted = false;
      const round = async (again: boolean): Promise<void> => {
        const rounds: Rounds = { again, memory, runAgain: () => { isWanted = true; } };
        for (const plugin of mutating) {
          const pending = plugin.admit!(attributes, rounds);
          if (pending !== undefined) await pending;
        }
      };
      await round(false);
      if (isWanted) await round(true);
    },
    async validate(attributes) {
      for (const plugin of validating) {
        const pending = plugin.validate!(attributes);
        if (pending !== undefined) await pending;
      }
    },
  };
}
