/** Asks the validating webhooks, all at once. The first refusal, in their order, is the answer. */
import { validatingwebhookconfigurations, type ValidatingWebhook } from '#api/generated/admissionregistration/v1';
import { newInternalError, newTimeout, StatusError } from '#machinery/status-error';
import type { Invocation } from '../extension/admission-request.ts';
import { isExempt } from '../extension/match-rules.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.ts';
import { CallingError, callWebhook, invocationFor, shownObjects, type ShownObjects, type WebhookDependencies } from './call-webhook.ts';
import { configuredWebhooks } from './configured-webhooks.ts';

const TYPE = 'validating';
const SECOND_MS = 1_000;
const FAILED_OPEN_KEY = 'failed-open.validating.webhook.admission.k8s.io/';

interface Relevant { readonly hook: ValidatingWebhook; readonly invocation: Invocation; readonly objects: ShownObjects }

export function validatingWebhooks(dependencies: WebhookDependencies): AdmissionPlugin {
  const configured = configuredWebhooks<ValidatingWebhook>(dependencies.informers.for(validatingwebhookconfigurations));
  return {
    name: 'ValidatingAdmissionWebhook',
    async validate(attributes) {
      const hooks = configured();
      if (hooks.length === 0 || isExempt(attributes)) return;
      const shown = new Map<string, Promise<ShownObjects>>();
      const show = (invocation: Invocation): Promise<ShownObjects> => {
        const key = JSON.stringify(invocation.kind);
        let objects = shown.get(key);
        if (objects === undefined) shown.set(key, objects = shownObjects(dependencies, attributes, invocation));
        return objects;
      };
      const relevant: Relevant[] = [];
      for (const { hook } of hooks) {
        const invocation = await invocationFor(dependencies, hook, TYPE, attributes, show);
        if (invocation !== undefined) relevant.push({ hook, invocation, objects: await show(invocation) });
      }
      if (relevant.length === 0) return;
      if (attributes.signal.aborted) throw newTimeout('request did not complete within requested timeout');
      const refusals = await Promise.all(relevant.map((one, index) => ask(dependencies, one, index, attributes)));
      const first = refusals.find((refusal) => refusal !== undefined);
      if (first !== undefined) throw first;
    },
  };
}

/** @returns what the write is refused with. */
async function ask(dependencies: WebhookDependencies, { hook, invocation, objects }: Relevant, index: number, attributes: AdmissionAttributes): Promise<unknown> {
  const { clock, metrics } = dependencies;
  const { operation } = attributes;
  const startMs = clock.monotonicNow();
  const called = (rejected: boolean, code: number): void => { metrics.called({ name: hook.name, type: TYPE, operation, seconds: (clock.monotonicNow() - startMs) / SECOND_MS, rejected, code }); };
  try {
    await callWebhook(dependencies, hook, TYPE, attributes, invocation, objects);
    called(false, 200);
    return undefined;
  } catch (error) {
    if (!(error instanceof CallingError)) {
      const code = error instanceof StatusError ? error.code : 0;
      called(true, code);
      metrics.rejected({ name: hook.name, type: TYPE, operation, kind: error instanceof StatusError ? 'no_error' : 'apiserver_internal_error', code });
      return error;
    }
    const ignored = hook.failurePolicy === 'Ignore';
    called(!ignored, error.code);
    if (ignored) {
      if (error.cancelled) return undefined;
      metrics.failedOpen(hook.name, TYPE);
      attributes.annotate(`${FAILED_OPEN_KEY}round_0_index_${index}`, hook.name);
      return undefined;
    }
    if (!error.cancelled) metrics.rejected({ name: hook.name, type: TYPE, operation, kind: 'calling_webhook_error', code: error.code });
    return newInternalError(error);
  }
}
