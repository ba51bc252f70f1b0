/**
 * Runs the plugins in their order: first every `admit`, which may change the object, later every `validate`.
 *
 *     decode → admit … admit → (strategy, validation) → validate … validate → store
 *
 * The first refusal ends it. Which plugins and in which order: `registry.ts`.
 */
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';

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
      for (const plugin of mutating) {
        const pending = plugin.admit!(attributes);
        if (pending !== undefined) await pending;
      }
    },
    async validate(attributes) {
      for (const plugin of validating) {
        const pending = plugin.validate!(attributes);
        if (pending !== undefined) await pending;
      }
    },
  };
}
