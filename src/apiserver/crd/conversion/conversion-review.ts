/**
 * The document that a conversion webhook gets, and what is believed of its answer.
 *
 * A webhook converts everything but the identity of an object: of the metadata only labels and annotations are taken over.
 * Pure; texts as upstream's.
 */
import { interpretJson } from '#machinery/codec/serializer';
import { readAny } from '#machinery/codec/json-any';
import { encodeAny } from '#machinery/codec/json-encode';
import { JsonReader } from '#machinery/codec/json-reader';
import { fieldErrorText, path } from '#machinery/field-error';
import { formatGroupVersion, parseGroupVersion } from '#machinery/gvk';
import type { KubeObject, Status } from '#machinery/meta';
import { isMap, type JsonMap } from '#machinery/schema/structural';
import { validateAnnotations, validateLabels } from '#machinery/validation/object-meta';

const GROUP = 'apiextensions.k8s.io';
const KNOWN_VERSIONS: ReadonlySet<string> = new Set(['v1', 'v1beta1']);

/** What went wrong, for the metrics. */
export type ConversionFault = 'conversion_webhook_call_failure' | 'conversion_webhook_malformed_response_failure' | 'conversion_webhook_partial_response_failure' | 'conversion_webhook_invalid_converted_object_failure';

/** The answer is none. The text follows `conversion webhook for KIND `. */
export class ConversionError extends Error {
  readonly fault: ConversionFault;
  constructor(fault: ConversionFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** The first version that both sides know. @throws Error */
export function reviewVersion(versions: readonly string[]): string {
  const known = versions.find((version) => KNOWN_VERSIONS.has(version));
  if (known === undefined) throw new Error('no supported conversion review versions');
  return known;
}

export function reviewBody(version: string, uid: string, desiredApiVersion: string, objects: readonly KubeObject[]): string {
  const request = `{"uid":${JSON.stringify(uid)},"desiredAPIVersion":${JSON.stringify(desiredApiVersion)},"objects":[${objects.map((object) => encodeAny(object)).join(',')}]}`;
  const empty = '{"uid":"","convertedObjects":null,"result":{"metadata":{}}}';
  return `{"kind":"ConversionReview","apiVersion":"${GROUP}/${version}","request":${request},"response":${empty}}`;
}

/** @throws DecodeError where it is no ConversionReview at all; ConversionError */
export function convertedObjects(text: string, version: string, uid: string, wanted: number): unknown[] {
  const kind = interpretJson(text);
  const given = formatGroupVersion(kind.group, kind.version);
  const isReview = kind.kind === 'ConversionReview' && kind.group === GROUP && KNOWN_VERSIONS.has(kind.version);
  if (!isReview && (kind.kind !== '' || given !== '')) throw new Error(`no kind ${JSON.stringify(kind.kind)} is registered for version ${JSON.stringify(given)} in scheme "pkg/util/webhook/client.go:78"`);
  const malformed = (message: string): never => { throw new ConversionError('conversion_webhook_malformed_response_failure', `failed: ${message}`); };
  const review = readAny(new JsonReader(text)) as JsonMap;
  if (version === 'v1' && !(isReview && kind.version === 'v1')) malformed(`expected webhook response of ${GROUP}/v1, Kind=ConversionReview, got ${isReview ? given : '/'}, Kind=${kind.kind}`);
  const { response } = review;
  if (!isMap(response)) return malformed('no response provided');
  const answered = typeof response['uid'] === 'string' ? response['uid'] : '';
  if (version === 'v1' && answered !== uid) malformed(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered)}`);
  const result = (isMap(response['result']) ? response['result'] : {}) as Partial<Status>;
  if (result.status !== 'Success') malformed(result.message ? result.message : `response.result.status was '${result.status ?? ''}', not 'Success'`);
  const objects = Array.isArray(response['convertedObjects']) ? response['convertedObjects'] as unknown[] : [];
  if (objects.length !== wanted) throw new ConversionError('conversion_webhook_partial_response_failure', `returned ${objects.length} objects, expected ${wanted}`);
  return objects;
}

/** The converted object with the original's metadata, but for labels and annotations. @throws ConversionError */
export function acceptConverted(original: KubeObject, converted: unknown, apiVersion: string, index: number): KubeObject {
  const invalid = (where: string, message: string): never => { throw new ConversionError('conversion_webhook_invalid_converted_object_failure', `returned invalid ${where}: ${message}`); };
  const object = `converted object at index ${index}`;
  if (!isMap(converted)) return invalid(object, `json: cannot unmarshal ${goType(converted)} into Go value of type map[string]interface {}`);
  const { kind = '' } = original;
  const gotKind = text(converted['kind']);
  if (gotKind === '') invalid(object, `Object 'Kind' is missing in '${encodeAny(converted)}'`);
  if (text(converted['apiVersion']) !== apiVersion) invalid(object, `invalid groupVersion (expected ${apiVersion}, received ${groupVersionText(text(converted['apiVersion']))})`);
  if (gotKind !== kind) invalid(object, `invalid kind (expected ${kind}, received ${gotKind})`);
  const got = converted['metadata'];
  const metadata = isMap(got) ? got : {};
  const before = original.metadata;
  for (const [name, field] of [['name', 'name'], ['namespace', 'namespace'], ['UID', 'uid']] as const) {
    const expected = before[field] ?? '';
    if (text(metadata[field]) !== expected) invalid(object, `must have the same ${name}: ${expected} != ${text(metadata[field])}`);
  }
  try {
    if (got === undefined) throw new Error('missing metadata in converted object');
    if (!isMap(got)) throw new Error(`invalid metadata of type ${goType(got)} in converted object`);
    return { ...converted, metadata: withTexts(structuredClone(before) as unknown as JsonMap, got) } as unknown as KubeObject;
  } catch (error) {
    return invalid(`metadata in object at index ${index}`, (error as Error).message);
  }
}

/** @throws Error */
function withTexts(metadata: JsonMap, converted: JsonMap): JsonMap {
  for (const field of ['labels', 'annotations'] as const) {
    const given = converted[field];
    if (given === undefined || given === null) { delete metadata[field]; continue; }
    if (!isMap(given)) throw new Error(`invalid metadata.${field} of type ${goType(given)} in converted object`);
    for (const [key, value] of Object.entries(given)) if (typeof value !== 'string') throw new Error(`metadata.${field}[${key}] must be a string, but is ${goType(value)} in converted object`);
    const before = (metadata[field] ?? {}) as Record<string, string>;
    const texts = given as Record<string, string>;
    const changed = Object.keys(before).length !== Object.keys(texts).length || Object.entries(texts).some(([key, value]) => before[key] !== value);
    const faults = !changed ? [] : field === 'labels' ? validateLabels(texts, path('metadata', 'labels')) : validateAnnotations(texts, path('metadata', 'annotation'));
    if (faults.length > 0) throw new Error(faults.length === 1 ? fieldErrorText(faults[0]!) : `[${faults.map(fieldErrorText).join(', ')}]`);
    metadata[field] = texts;
  }
  return metadata;
}

function text(value: unknown): string { return typeof value === 'string' ? value : ''; }

function groupVersionText(apiVersion: string): string {
  return parseGroupVersion(apiVersion) === undefined || apiVersion === '' ? '/' : apiVersion;
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isMap(value)) return 'map[string]interface {}';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'bigint': return 'int64';
    case 'number': return Number.isInteger(value) ? 'int64' : 'float64';
    default: return '<nil>';
  }
}
