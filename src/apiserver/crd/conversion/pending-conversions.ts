/**
 * Lets code that converts synchronously (who owns which field, in every owner's version) use a converter that must ask a webhook.
 *
 *     run → asks for a version that is not at hand → VersionPendingError → it is got → run again → … → result
 *
 * What runs must be free of effects until it returns. It asks for few versions of few objects, so it runs a few times.
 */
import { encodeAny } from '#machinery/codec/json-encode';
import { VersionPendingError } from '#machinery/managed-fields/updater';
import type { KubeObject } from '#machinery/meta';
import type { Converter } from './webhook-converter.ts';

export interface PendingConversions {
  /** Inside `settle` only. @throws VersionPendingError; whatever the converter threw */
  convert(object: KubeObject, apiVersion: string): KubeObject;
  settle<T>(run: () => T, signal: AbortSignal): Promise<T>;
}

/** Conversions that one write may need. */
const CONVERSIONS_MAX = 1_000;

interface Outcome { readonly object?: KubeObject; readonly error?: unknown }

class Wanted extends VersionPendingError {
  readonly key: string;
  readonly object: KubeObject;
  readonly apiVersion: string;
  constructor(key: string, object: KubeObject, apiVersion: string) {
    super(`${apiVersion} is asked for`);
    this.key = key;
    this.object = object;
    this.apiVersion = apiVersion;
  }
}

export function pendingConversions(converter: Converter): PendingConversions {
  /** Of the run under way; runs are synchronous. */
  let known: Map<string, Outcome> | undefined;
  return {
    convert(object, apiVersion) {
      if (object.apiVersion === apiVersion) return object;
      const key = `${apiVersion} ${encodeAny(object)}`;
      const outcome = known?.get(key);
      if (outcome === undefined) throw new Wanted(key, object, apiVersion);
      if (outcome.object === undefined) throw outcome.error;
      return structuredClone(outcome.object);
    },
    async settle(run, signal) {
      const outcomes = new Map<string, Outcome>();
      for (;;) {
        known = outcomes;
        try {
          return run();
        } catch (error) {
          if (!(error instanceof Wanted) || outcomes.size === CONVERSIONS_MAX) throw error;
          known = undefined;
          outcomes.set(error.key, await got(error, signal));
        } finally {
          known = undefined;
        }
      }
    },
  };

  async function got({ object, apiVersion }: Wanted, signal: AbortSignal): Promise<Outcome> {
    try {
      const [converted] = await converter.convert([structuredClone(object)], apiVersion, signal);
      return { object: converted! };
    } catch (error) {
      return { error };
    }
  }
}
