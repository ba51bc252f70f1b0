/**
 * One webhook asked about one write: whether it is to be asked at all, the call, and its answer's side effects (warnings, audit
 * annotations).
 */
import type { MutatingWebhook, ValidatingWebhook } from '#api/generated/admissionregistration/v1';
import type { Clock } from '#base/clock';
import type { Random } from '#base/random';
import type { JsonObject } from '#machinery/patch/json-value';
import { newBadRequest, newForbidden, newInternalError, StatusError } from '#machinery/status-error';
import type { Authorizer } from '../../authz/authorizer.ts';
import { CertificateError, WebhookFailure, type WebhookClient } from '../../webhook/webhook-client.ts';
import { admissionRequest, type Invocation } from '../extension/admission-request.ts';
import { compileConditions, matchConditions } from '../extension/match-conditions.ts';
import { matchResources, type MatchDependencies } from '../extension/match-resources.ts';
import { shown } from '../extension/object-forms.ts';
import type { AdmissionAttributes } from '../plugin.ts';
import { readAnswer, rejection, reviewOf, UnreadableAnswerError, type WebhookAnswer } from './admission-review.ts';
import type { WebhookMetrics, WebhookType } from './webhook-metrics.ts';

export type Webhook = ValidatingWebhook | MutatingWebhook;

export interface WebhookDependencies extends MatchDependencies {
  readonly webhooks: WebhookClient;
  readonly authorizer: Authorizer;
  readonly metrics: WebhookMetrics;
  readonly clock: Clock;
  readonly random: Random;
}

/** The webhook could not be asked, or its answer does not count: the failure policy decides. */
export class CallingError extends Error {
  /** For the metrics. */
  readonly code: number;
  readonly cancelled: boolean;
  constructor(webhook: string, reason: string, code: number, cancelled = false) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`);
    this.code = code;
    this.cancelled = cancelled;
  }
}

const TIMEOUT_SECONDS = 10;
const SECOND_MS = 1_000;

/** The objects as one version shows them. */
export interface ShownObjects { readonly object: JsonObject | null; readonly oldObject: JsonObject | null }

export async function shownObjects({ table }: MatchDependencies, attributes: AdmissionAttributes, { kind }: Invocation): Promise<ShownObjects> {
  try {
    const { object, oldObject } = attributes;
    return {
      object: object === undefined ? null : await shown(table, attributes, object, kind),
      oldObject: oldObject === undefined ? null : await shown(table, attributes, oldObject, kind),
    };
  } catch (error) {
    throw newInternalError(error);
  }
}

/** @returns undefined: the webhook is not to be asked. @throws StatusError */
export async function invocationFor(dependencies: WebhookDependencies, hook: Webhook, type: WebhookType, attributes: AdmissionAttributes, show: (invocation: Invocation) => Promise<ShownObjects>): Promise<Invocation | undefined> {
  const { matchPolicy, namespaceSelector, objectSelector, rules = [], matchConditions: conditions = [] } = hook;
  const invocation = await matchResources(dependencies, {
    rules, ...(matchPolicy === undefined ? {} : { matchPolicy }), ...(namespaceSelector === undefined ? {} : { namespaceSelector }), ...(objectSelector === undefined ? {} : { objectSelector }),
  }, attributes);
  if (invocation === undefined || conditions.length === 0) return invocation;
  const { authorizer, metrics } = dependencies;
  const matched = await matchConditions(compileConditions(conditions, { params: false, authorizer: true }), {
    attributes, ...await show(invocation), request: admissionRequest(attributes, invocation), authorizer,
  }, hook.failurePolicy, () => { metrics.conditionError(hook.name, 'webhook', type, attributes.operation); });
  if ('error' in matched) throw newForbidden(attributes.info.group, attributes.info.resource, attributes.name, matched.error);
  if (!matched.matches) metrics.conditionExcluded(hook.name, 'webhook', type, attributes.operation);
  return matched.matches ? invocation : undefined;
}

/** @throws CallingError; StatusError when the webhook refuses the write */
export async function callWebhook(dependencies: WebhookDependencies, hook: Webhook, type: WebhookType, attributes: AdmissionAttributes, invocation: Invocation, objects: ShownObjects): Promise<WebhookAnswer> {
  if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun') throw newBadRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
  const request = admissionRequest(attributes, invocation);
  const { dryRun, options, ...rest } = request;
  const review = reviewOf(hook.admissionReviewVersions ?? [], dependencies.random.uuid(), { ...rest, ...objects, dryRun, options });
  if (review === undefined) throw new CallingError(hook.name, 'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)', 400);
  const { signal } = attributes;
  let text: string;
  let answer: WebhookAnswer;
  try {
    text = await dependencies.webhooks.call(hook.clientConfig, { body: review.body, timeoutMs: (hook.timeoutSeconds ?? TIMEOUT_SECONDS) * SECOND_MS, signal });
  } catch (error) {
    if (error instanceof CertificateError) throw new CallingError(hook.name, `could not get REST client: ${error.message}`, 500);
    throw new CallingError(hook.name, `failed to call webhook: ${(error as Error).message}`, error instanceof StatusError ? error.code : 503, error instanceof WebhookFailure && error.cancelled);
  }
  try {
    answer = readAnswer(text, review, type === 'admit');
  } catch (error) {
    const what = error instanceof UnreadableAnswerError ? 'failed to call webhook' : 'received invalid webhook response';
    throw new CallingError(hook.name, `${what}: ${(error as Error).message}`, 503);
  }
  for (const [key, value] of Object.entries(answer.auditAnnotations)) attributes.annotate(`${hook.name}/${key}`, value);
  for (const warning of answer.warnings) attributes.warn(warning);
  if (!answer.allowed) throw rejection(hook.name, answer.result);
  return answer;
}
