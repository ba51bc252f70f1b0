/**
 * Converts custom resources by asking the definition's webhook, all that it is given in one review.
 *
 * A failure of one object is the failure of all. How many are given at once is the caller's to bound.
 */
import type { CustomResourceDefinition } from '#api/generated/apiextensions/v1';
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import type { KubeObject } from '#machinery/meta';
import { newUnknownError } from '#machinery/status-error';
import type { WebhookClient } from '../../webhook/webhook-client.ts';
import { observeConversion } from './conversion-metrics.ts';
import { acceptConverted, ConversionError, convertedObjects, reviewBody, reviewVersion, type ConversionFault } from './conversion-review.ts';

export interface ConverterDependencies {
  readonly webhooks: WebhookClient;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Converter {
  /** Objects of any versions of the definition in that one; those that are in it stay. Changes nothing it is given. @throws StatusError 500 */
  convert(objects: readonly KubeObject[], apiVersion: string, signal: AbortSignal): Promise<KubeObject[]>;
}

/** As upstream's client. */
const TIMEOUT_MS = 30_000;

export function webhookConverter(crd: CustomResourceDefinition, { webhooks, metrics, clock, random }: ConverterDependencies): Converter {
  const { group, versions, conversion } = crd.spec;
  const known = new Set(versions.map(({ name }) => `${group}/${name}`));
  const { clientConfig = {}, conversionReviewVersions = [] } = conversion?.webhook ?? {};

  async function review(objects: readonly KubeObject[], apiVersion: string, signal: AbortSignal): Promise<KubeObject[]> {
    const startMs = clock.monotonicNow();
    const { apiVersion: from = '', kind = '' } = objects[0]!;
    const observe = (fault: ConversionFault | undefined): void => {
      const version = (text: string): string => text.slice(text.indexOf('/') + 1);
      observeConversion(metrics, { definition: crd.metadata.name!, from: version(from), to: version(apiVersion), seconds: (clock.monotonicNow() - startMs) / 1000, fault });
    };
    const uid = random.uuid();
    try {
      const version = reviewVersion(conversionReviewVersions);
      const answer = await webhooks.call(clientConfig, { body: reviewBody(version, uid, apiVersion, objects), timeoutMs: TIMEOUT_MS, signal });
      const converted = convertedObjects(answer, version, uid, objects.length).map((one, index) => acceptConverted(objects[index]!, one, apiVersion, index));
      observe(undefined);
      return converted;
    } catch (error) {
      const fault = error instanceof ConversionError ? error.fault : 'conversion_webhook_call_failure';
      observe(fault);
      const text = error instanceof ConversionError ? error.message : `failed: ${(error as Error).message}`;
      throw newUnknownError(`conversion webhook for ${from}, Kind=${kind} ${text}`);
    }
  }

  return {
    async convert(objects, apiVersion, signal) {
      if (!known.has(apiVersion)) throw newUnknownError(`request to convert CR to an invalid group/version: ${apiVersion}`);
      for (const object of objects) if (!known.has(object.apiVersion ?? '')) throw newUnknownError(`request to convert CR from an invalid group/version: ${object.apiVersion ?? ''}`);
      const others = objects.filter((object) => object.apiVersion !== apiVersion);
      if (others.length === 0) return [...objects];
      const converted = await review(others, apiVersion, signal);
      return objects.map((object) => (object.apiVersion === apiVersion ? object : converted.shift()!));
    },
  };
}
