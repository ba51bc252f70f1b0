/**
 * The document that an admission webhook gets, and what is believed of its answer. Pure; texts as upstream's.
 */
import { readAny } from '#machinery/codec/json-any';
import { encodeAny } from '#machinery/codec/json-encode';
import { JsonReader } from '#machinery/codec/json-reader';
import { interpretJson } from '#machinery/codec/serializer';
import { yamlToJson } from '#machinery/codec/yaml';
import { formatGroupVersion } from '#machinery/gvk';
import type { Status } from '#machinery/meta';
import { isMap, type JsonMap } from '#machinery/schema/structural';
import { StatusError } from '#machinery/status-error';

const GROUP = 'admission.k8s.io';
const KNOWN_VERSIONS: ReadonlySet<string> = new Set(['v1', 'v1beta1']);
/** What is no JSON is read as YAML up to this size. */
const YAML_BYTES_MAX = 64 * 1024;
const SUCCESS_CODES_END = 400;

export interface Review { readonly version: string; readonly uid: string; readonly body: string }

export interface WebhookAnswer {
  readonly allowed: boolean;
  readonly result: Partial<Status> | undefined;
  /** JSON text; '' for none. */
  readonly patch: string;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** @returns undefined: no version that both sides know. */
export function reviewOf(versions: readonly string[], uid: string, request: Readonly<Record<string, unknown>>): Review | undefined {
  const version = versions.find((one) => KNOWN_VERSIONS.has(one));
  return version === undefined ? undefined : { version, uid, body: encodeAny({ kind: 'AdmissionReview', apiVersion: `${GROUP}/${version}`, request: { uid, ...request } }) };
}

/** The text does not even hold a review. */
export class UnreadableAnswerError extends Error {}

/** @throws UnreadableAnswerError; Error where the review is not an answer to this one */
export function readAnswer(text: string, { version, uid }: Review, mutating: boolean): WebhookAnswer {
  const { review, apiVersion, kind } = readReview(text);
  if (apiVersion !== '' && apiVersion !== `${GROUP}/${version}`) {
    throw new UnreadableAnswerError(`converting (${apiVersion.slice(GROUP.length + 1)}.AdmissionReview) to (${version}.AdmissionReview): unknown conversion`);
  }
  const response = review['response'] ?? undefined;
  if (response === undefined) throw new Error('webhook response was absent');
  const read = fieldsOf(response as JsonMap);
  if (version === 'v1') {
    if (read.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(read.uid)}`);
    if (kind === '' || apiVersion === '') throw new Error(`expected webhook response of ${GROUP}/v1, Kind=AdmissionReview, got ${apiVersion === '' ? '/' : apiVersion}, Kind=${kind}`);
    checkPatch(read, mutating);
  }
  const patchType = version === 'v1' ? read.patchType ?? '' : read.patch === '' ? '' : 'JSONPatch';
  return mutating ? { ...read, patchType } : { ...read, patch: '', patchType: '' };
}

function readReview(text: string): { readonly review: JsonMap; readonly apiVersion: string; readonly kind: string } {
  try {
    const json = asJson(text);
    const gvk = interpretJson(json);
    const apiVersion = formatGroupVersion(gvk.group, gvk.version);
    // What is left out counts as what was asked for.
    const isKnown = (gvk.kind === '' || gvk.kind === 'AdmissionReview') && (apiVersion === '' || (gvk.group === GROUP && KNOWN_VERSIONS.has(gvk.version)));
    if (!isKnown) throw new Error(`no kind ${JSON.stringify(gvk.kind || 'AdmissionReview')} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/util/webhook/client.go:78"`);
    return { review: readAny(new JsonReader(json)) as JsonMap, apiVersion, kind: gvk.kind };
  } catch (error) {
    throw new UnreadableAnswerError((error as Error).message);
  }
}

function asJson(text: string): string {
  if (/^\s*[{[]/.test(text) || Buffer.byteLength(text) > YAML_BYTES_MAX) return text;
  return yamlToJson(text).json;
}

interface Fields extends Omit<WebhookAnswer, 'patchType'> { readonly uid: string; readonly patchType: string | undefined }

function fieldsOf(response: JsonMap): Fields {
  const typed = (value: unknown, field: string, type: string, isIt: boolean): void => {
    if (!isIt && value !== undefined && value !== null) throw new UnreadableAnswerError(`json: cannot unmarshal ${jsonType(value)} into Go struct field AdmissionResponse.response.${field} of type ${type}`);
  };
  const { uid, allowed, patch, patchType, status, warnings, auditAnnotations } = response;
  if (!isMap(response)) throw new UnreadableAnswerError(`json: cannot unmarshal ${jsonType(response)} into Go struct field AdmissionReview.response of type ${GROUP_TYPE}`);
  typed(uid, 'uid', 'types.UID', typeof uid === 'string');
  typed(allowed, 'allowed', 'bool', typeof allowed === 'boolean');
  typed(patch, 'patch', '[]uint8', typeof patch === 'string');
  typed(patchType, 'patchType', 'v1.PatchType', typeof patchType === 'string');
  typed(status, 'status', 'v1.Status', isMap(status));
  typed(warnings, 'warnings', '[]string', Array.isArray(warnings));
  for (const warning of (warnings ?? []) as unknown[]) typed(warning, 'warnings', 'string', typeof warning === 'string');
  typed(auditAnnotations, 'auditAnnotations', 'map[string]string', isMap(auditAnnotations));
  for (const value of Object.values((auditAnnotations ?? {}) as object)) typed(value, 'auditAnnotations', 'string', typeof value === 'string');
  return {
    uid: (uid ?? '') as string, allowed: allowed === true, patch: patch === undefined || patch === null ? '' : decodeBase64(patch as string), patchType: (patchType ?? undefined) as string | undefined,
    result: (status ?? undefined) as Partial<Status> | undefined, warnings: (warnings ?? []) as string[], auditAnnotations: (auditAnnotations ?? {}) as Record<string, string>,
  };
}

const GROUP_TYPE = 'v1.AdmissionResponse';

function decodeBase64(text: string): string {
  const compact = text.replace(/[\r\n]/g, '');
  const odd = /[^A-Za-z0-9+/=]/.exec(compact);
  if (odd !== null || compact.length % 4 !== 0) throw new UnreadableAnswerError(`illegal base64 data at input byte ${odd?.index ?? compact.length - compact.length % 4}`);
  return Buffer.from(compact, 'base64').toString('utf8');
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;
}

function checkPatch({ patch, patchType }: Fields, mutating: boolean): void {
  if (!mutating) {
    if (patch !== '') throw new Error('validating webhook may not return response.patch');
    if (patchType !== undefined) throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== '' && patchType === undefined) throw new Error('webhook returned response.patch but not response.patchType');
  if (patch === '' && patchType !== undefined) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
}

/** A refusal, whatever code and status the webhook gave it. */
export function rejection(webhook: string, result: Partial<Status> | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const { message, reason, details, metadata } = result ?? {};
  const why = message || reason;
  const code = result?.code !== undefined && result.code >= SUCCESS_CODES_END ? result.code : SUCCESS_CODES_END;
  const status = result?.status && result.status !== 'Success' ? result.status : 'Failure';
  return new StatusError({
    kind: 'Status', apiVersion: 'v1', metadata: metadata ?? {}, status: status as Status['status'], message: why ? `${denied}: ${why}` : `${denied} without explanation`,
    ...(reason ? { reason } : {}), ...(details === undefined ? {} : { details }), code,
  } as Status);
}
