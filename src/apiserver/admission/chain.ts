/**
 * Runs the plugins in their order: first every `admit`, which may change the object, later every `validate`.
 *
 *     decode → admit … admit (→ admit … admit again) → (strategy, validation) → validate … validate → store
 *
 * The first refusal ends it. When a late plugin changed the object, all of `admit` runs once more. Which plugins and in which order: `registry.ts`.
 */
import { decodeManagers, ManagedFieldsError } from '#machinery/managed-fields/managers';
import type { ManagedFieldsEntry } from '#machinery/meta';
import type { AdmissionAttributes, AdmissionPlugin, Rounds } from './plugin.ts';

export interface AdmissionChain {
  /** @throws StatusError */
  admit(attributes: AdmissionAttributes): Promise<void>;
  /** @throws StatusError */
  validate(attributes: AdmissionAttributes): Promise<void>;
}

/** Entries of field owners that cannot be read are not taken from anyone. */
function restoreOwners({ object, warn }: AdmissionAttributes, before: ManagedFieldsEntry[] | undefined): void {
  if (object?.metadata === undefined || object.metadata.managedFields === before) return;
  try {
    decodeManagers(object.metadata.managedFields, false);
  } catch (error) {
    if (!(error instanceof ManagedFieldsError)) throw error;
    if (before === undefined) delete object.metadata.managedFields; else object.metadata.managedFields = before;
    warn(`.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${error.message}`);
  }
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
      const entries = attributes.object?.metadata?.managedFields;
      await round(false);
      if (isWanted) await round(true);
      restoreOwners(attributes, entries);
    },
    async validate(attributes) {
      for (const plugin of validating) {
        const pending = plugin.validate!(attributes);
        if (pending !== undefined) await pending;
      }
    },
  };
}
