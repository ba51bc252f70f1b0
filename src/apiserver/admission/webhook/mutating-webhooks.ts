/**
 * Asks the mutating webhooks, one after the other; each sees what those before it changed.
 *
 *     first round   every webhook that matches
 *     second round  only when something changed after it was asked: those with `reinvocationPolicy: IfNeeded`
 *
 * A patch is applied to the version that the webhook was shown, decoded and defaulted there, and brought back to the request's.
 */
import { mutatingwebhookconfigurations, type MutatingWebhook } from '#api/generated/admissionregistration/v1';
import { DecodeError } from '#machinery/codec/decode-error';
import { readAny } from '#machinery/codec/json-any';
import { encodeAny, encodeSorted } from '#machinery/codec/json-encode';
import { JsonReader } from '#machinery/codec/json-reader';
import type { KubeObject } from '#machinery/meta';
import { applyJsonPatch } from '#machinery/patch/json-patch';
import { jsonEqual, type JsonObject, type JsonValue } from '#machinery/patch/json-value';
import { PatchError } from '#machinery/patch/patch-error';
import { newInternalError, newTimeout, StatusError } from '#machinery/status-error';
import type { Invocation } from '../extension/admission-request.ts';
import { isExempt } from '../extension/match-rules.ts';
import { accepted, canonical, replaceContent } from '../extension/object-forms.ts';
import type { AdmissionAttributes, AdmissionPlugin, Rounds } from '../plugin.ts';
import type { WebhookAnswer } from './admission-review.ts';
import { CallingError, callWebhook, invocationFor, shownObjects, type WebhookDependencies } from './call-webhook.ts';
import { configuredWebhooks, type ConfiguredWebhook } from './configured-webhooks.ts';

const NAME = 'MutatingAdmissionWebhook';
const TYPE = 'admit';
const SECOND_MS = 1_000;
const MUTATION_KEY = 'mutation.webhook.admission.k8s.io/';
/** Kept where bodies of requests are. */
const PATCH_KEY = 'patch.webhook.admission.k8s.io/';

/** Of one write, through its rounds. */
interface Memory {
  /** Asked already, and willing to be asked again. */
  readonly willing: Set<string>;
  /** To be asked again: something changed since. */
  readonly again: Set<string>;
  /** The object when these webhooks were done with it. */
  last: string;
}

export function mutatingWebhooks(dependencies: WebhookDependencies): AdmissionPlugin {
  const configured = configuredWebhooks<MutatingWebhook>(dependencies.informers.for(mutatingwebhookconfigurations));
  return {
    name: NAME,
    async admit(attributes, rounds) {
      const hooks = configured();
      if (hooks.length === 0 || isExempt(attributes)) return;
      const memory = (rounds.memory.get(NAME) ?? { willing: new Set(), again: new Set(), last: '' }) as Memory;
      rounds.memory.set(NAME, memory);
      if (rounds.again && memory.last !== fingerprint(attributes.object)) askAgain(memory);
      for (const [index, one] of hooks.entries()) await visit(dependencies, one, index, attributes, rounds, memory);
      memory.last = fingerprint(attributes.object);
    },
  };
}

function fingerprint(object: KubeObject | undefined): string { return object === undefined ? '' : encodeSorted(canonical(object)); }

function askAgain(memory: Memory): void {
  for (const id of memory.willing) memory.again.add(id);
  memory.willing.clear();
}

async function visit(dependencies: WebhookDependencies, { hook, id, configuration }: ConfiguredWebhook<MutatingWebhook>, index: number, attributes: AdmissionAttributes, rounds: Rounds, memory: Memory): Promise<void> {
  const show = (invocation: Invocation): ReturnType<typeof shownObjects> => shownObjects(dependencies, attributes, invocation);
  const invocation = await invocationFor(dependencies, hook, TYPE, attributes, show);
  // In the second round nobody is asked for the first time.
  if (invocation === undefined || (rounds.again && !memory.again.has(id))) return;
  const { clock, metrics } = dependencies;
  const { operation } = attributes;
  const round = `round_${rounds.again ? 1 : 0}_index_${index}`;
  const startMs = clock.monotonicNow();
  const called = (rejected: boolean, code: number): void => { metrics.called({ name: hook.name, type: TYPE, operation, seconds: (clock.monotonicNow() - startMs) / SECOND_MS, rejected, code }); };
  let changed = false;
  let failure: unknown;
  try {
    const objects = await show(invocation);
    const answer = await callWebhook(dependencies, hook, TYPE, attributes, invocation, objects);
    changed = await applyAnswer(dependencies, hook.name, answer, attributes, invocation, objects.object);
    const patch = readPatch(hook.name, answer.patch);
    if (patch.length > 0) attributes.annotate(`${PATCH_KEY}${round}`, encodeAny({ configuration, webhook: hook.name, patch, patchType: answer.patchType }));
    called(false, 200);
  } catch (error) {
    failure = error;
  }
  attributes.annotate(`${MUTATION_KEY}${round}`, JSON.stringify({ configuration, webhook: hook.name, mutated: changed }));
  if (changed) {
    askAgain(memory);
    rounds.runAgain();
  }
  if (hook.reinvocationPolicy === 'IfNeeded') memory.willing.add(id);
  if (failure === undefined) return;
  if (!(failure instanceof CallingError)) {
    const isRefusal = failure instanceof StatusError && failure.reason !== 'InternalError';
    const code = failure instanceof StatusError ? failure.code : 0;
    called(true, isRefusal ? code : 0);
    metrics.rejected({ name: hook.name, type: TYPE, operation, kind: isRefusal ? 'no_error' : 'apiserver_internal_error', code: isRefusal ? code : 0 });
    throw failure;
  }
  const ignored = hook.failurePolicy === 'Ignore';
  called(!ignored, failure.code);
  if (!ignored) {
    if (!failure.cancelled) metrics.rejected({ name: hook.name, type: TYPE, operation, kind: 'calling_webhook_error', code: failure.code });
    throw newInternalError(failure);
  }
  if (!failure.cancelled) {
    metrics.failedOpen(hook.name, TYPE);
    attributes.annotate(`failed-open.${MUTATION_KEY}${round}`, hook.name);
  }
  if (attributes.signal.aborted) throw newTimeout('request did not complete within requested timeout');
}

/** @returns whether the object is another now. @throws CallingError, StatusError */
async function applyAnswer({ table }: WebhookDependencies, webhook: string, { patch, patchType }: WebhookAnswer, attributes: AdmissionAttributes, { kind }: Invocation, before: JsonObject | null): Promise<boolean> {
  const operations = readPatch(webhook, patch);
  if (operations.length === 0) return false;
  if (before === null || attributes.object === undefined) throw newInternalError(new Error(`admission webhook ${JSON.stringify(webhook)} attempted to modify the object, which is not supported for this operation`));
  if (patchType !== 'JSONPatch') throw new CallingError(webhook, `unsupported patch type ${JSON.stringify(patchType)}`, 400);
  try {
    const patched = applyJsonPatch(before, operations) as JsonObject;
    const taken = await accepted(table, attributes, patched, kind);
    replaceContent(attributes.object, taken.object);
    return !jsonEqual(before, taken.before);
  } catch (error) {
    if (error instanceof PatchError || error instanceof DecodeError) throw newInternalError(error);
    throw error;
  }
}

function readPatch(webhook: string, patch: string): JsonValue[] {
  if (patch === '') return [];
  const undecodable = (message: string): CallingError => new CallingError(webhook, `received undecodable patch in webhook response: ${message}`, 503);
  try {
    const reader = new JsonReader(patch);
    const value = readAny(reader) as JsonValue;
    reader.end();
    // Its form is checked as a whole, before anything is applied.
    applyJsonPatch({}, Array.isArray(value) ? value.filter((one) => one !== null && (typeof one !== 'object' || Array.isArray(one))) : value);
    return (value ?? []) as JsonValue[];
  } catch (error) {
    if (error instanceof PatchError || error instanceof DecodeError) throw undecodable(error.message);
    throw error;
  }
}
