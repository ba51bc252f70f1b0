/**
 * A patch applied to one object: JSON patch, merge patch, strategic merge patch, server-side apply.
 *
 * The patched object is decoded against the schema again, so that whatever a patch brings is checked and pruned like any body.
 * Knows nothing of storage; serves whole objects and Scales alike.
 */
import { isUtf8 } from 'node:buffer';
import { typeForKind } from '#api/registry';
import { decodeJson, strictErrorText, type DecodeOutcome } from '#machinery/codec/json-decode';
import { DecodeError, MalformedError } from '#machinery/codec/decode-error';
import { literalNumber, readAny, type StrictNotes } from '#machinery/codec/json-any';
import { encodeAny, encodeSorted } from '#machinery/codec/json-encode';
import { JsonReader } from '#machinery/codec/json-reader';
import type { TypePlan } from '#machinery/codec/type-plan';
import { invalid } from '#machinery/field-error';
import type { FieldManager } from '#machinery/managed-fields/field-manager';
import type { KubeObject } from '#machinery/meta';
import { applyJsonPatch } from '#machinery/patch/json-patch';
import { goText, isContainer, isObject, plainNumbers, type JsonObject, type JsonValue } from '#machinery/patch/json-value';
import { quote } from '#machinery/go-print';
import { applyMergePatch } from '#machinery/patch/merge-patch';
import { patchErrorToStatus } from '#machinery/patch/patch-error';
import { applyStrategicMergePatch } from '#machinery/patch/strategic-merge-patch';
import { unstructuredFault } from '#machinery/patch/unstructured-fault';
import type { SchemaResolver } from '#machinery/schema/model';
import { newBadRequest, newInvalid, newNotFound, newUnsupportedMediaType, newStatusError } from '#machinery/status-error';
import { nowText, warn, type RequestContext } from '../context.ts';
import { planOf } from '../codec.ts';
import { decodeYaml, refuseCharset } from './decode-body.ts';
import { canonicalForm } from './field-management.ts';
import type { FieldValidation } from './request-options.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json', 'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic', 'application/apply-patch+yaml': 'apply',
};

/** @throws StatusError 415 */
export function patchTypeOf(contentType: string, custom: boolean): PatchType {
  const at = contentType.indexOf(';');
  const type = at > 0 ? contentType.slice(0, at) : contentType;
  if (at > 0) refuseCharset(contentType, Object.keys(TYPES));
  const found = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (custom && (found === undefined || found === 'strategic')) throw newUnsupportedMediaType(['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml']);
  if (found !== undefined) return found;
  // The router of built-in kinds takes a list in which one is known; what serves them then takes no list.
  if (contentType.split(',').some((one) => Object.hasOwn(TYPES, one.split(';')[0]!.trim()))) throw newUnsupportedMediaType(Object.keys(TYPES));
  throw newStatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

export interface PatchTarget {
  readonly group: string;
  readonly resource: string;
  readonly name: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly typeName: string;
  readonly resolve: SchemaResolver;
  readonly plan: TypePlan | undefined;
  readonly fieldManager: FieldManager;
  /** Decodes a custom resource, which has no plan. */
  readonly decode?: (object: JsonValue, strict: boolean) => { object: KubeObject; strictErrors: readonly string[] };
  defaults(object: KubeObject): void;
}

export interface Patch {
  readonly type: PatchType;
  readonly body: Buffer;
  readonly validation: FieldValidation;
  readonly manager: string;
  readonly force: boolean;
}

/** @param live undefined: there is no object; only apply makes one. @throws StatusError */
export function patchObject(target: PatchTarget, patch: Patch, live: KubeObject | undefined, context: RequestContext): KubeObject {
  if (patch.type === 'apply') return applied(target, patch, live, context);
  if (live === undefined) throw newNotFound(target.group, target.resource, target.name);
  const before = live as unknown as JsonObject;
  const strictErrors: string[] = [];
  let parsed: JsonValue;
  let value: JsonValue;
  try {
    parsed = parsePatch(patch, strictErrors);
    if (patch.type === 'json') value = applyJsonPatch(before, parsed);
    else if (patch.type === 'merge') value = applyMergePatch(before, parsed);
    else value = applyStrategicMergePatch(before, parsed as JsonObject, target.typeName, target.resolve);
  } catch (error) {
    throw patchErrorToStatus(error);
  }
  const object = decodePatched(target, patch, parsed, value, strictErrors, context);
  target.defaults(object);
  if (resetsManagedFields(value)) object.metadata.managedFields = [];
  const entries = target.fieldManager.update({ live: before, object: canonicalForm(target.plan, object), manager: patch.manager, time: nowText(context) });
  if (entries === undefined) delete object.metadata.managedFields; else object.metadata.managedFields = entries;
  return object;
}

/** An empty list of entries means something; decoding leaves empty lists out. */
function resetsManagedFields(value: JsonValue): boolean {
  const metadata = isObject(value) ? value['metadata'] : undefined;
  const entries = isObject(metadata) ? metadata['managedFields'] : undefined;
  return Array.isArray(entries) && entries.length === 0;
}

function parsePatch(patch: Patch, strictErrors: string[]): JsonValue {
  const strict = patch.validation !== 'Ignore';
  try {
    if (!isUtf8(patch.body)) throw new MalformedError('invalid UTF-8 in the patch');
    const reader = new JsonReader(patch.body.toString('utf8'));
    const path: (string | number)[] = [];
    const notes: StrictNotes = { path, note: (kind, name) => { strictErrors.push(`${patch.type === 'json' ? 'json patch ' : ''}${strictErrorText(kind, path, name)}`); } };
    const value = readAny(reader, strict ? notes : undefined, literalNumber) as JsonValue;
    reader.end();
    if (patch.type === 'json' && strict) noteUnknownMembers(value, strictErrors);
    const mustBeObject = patch.type === 'strategic' || (patch.type === 'merge' && strict);
    if (mustBeObject && value !== null && (!isContainer(value) || Array.isArray(value))) {
      const prefix = patch.type === 'strategic' ? '' : 'error decoding patch: ';
      throw newBadRequest(`${prefix}json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
    }
    return value === null && patch.type === 'strategic' ? {} : value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw newBadRequest(patch.type === 'strategic' ? error.message : strict ? `error decoding patch: ${error.message}` : error.message);
  }
}

const OPERATION_MEMBERS: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value']);

function noteUnknownMembers(operations: JsonValue, strictErrors: string[]): void {
  if (!Array.isArray(operations)) return;
  operations.forEach((operation, index) => {
    if (!isObject(operation)) return;
    for (const name of Object.keys(operation)) if (!OPERATION_MEMBERS.has(name)) strictErrors.push(`json patch unknown field "[${index}].${name}"`);
  });
}

function jsonKind(value: JsonValue): string {
  if (isContainer(value)) return Array.isArray(value) ? 'array' : 'object';
  return value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'number';
}

/** The patched value as an object of the kind again. @throws StatusError 422 */
function decodePatched(target: PatchTarget, patch: Patch, parsed: JsonValue, value: JsonValue, strictErrors: string[], context: RequestContext): KubeObject {
  const text = target.decode !== undefined && patch.type === 'merge' ? encodeSorted(value) : encodeAny(value);
  const strategic = patch.type === 'strategic';
  const shown = strategic ? goText(parsed) : text;
  const refuse = (message: string): never => { throw newInvalid('', '', '', [invalid('patch', shown, message)]); };
  const strict = patch.validation !== 'Ignore';
  const { apiVersion, kind } = isObject(value) ? value : {};
  if (!strategic && !apiVersion && !kind) {
    // Of no kind at all, it has no fields but these two.
    if (isObject(value) && target.decode === undefined && patch.validation === 'Warn') for (const name of Object.keys(value).sort()) warn(context, `unknown field ${quote(name)}`);
    throw newBadRequest(`the name of the object (${target.name} based on URL) was undeterminable: name must be provided`);
  }
  const fault = strategic ? unstructuredFault(value, target.typeName, target.resolve) : undefined;
  if (fault !== undefined) refuse(fault);
  try {
    const outcome = target.decode !== undefined ? target.decode(plainNumbers(value), strict) : strategic ? decodeJson(encodeAny(plainNumbers(value)), target.plan!, strict) : decodeKind(target, text, String(apiVersion ?? ''), String(kind ?? ''), strict);
    const errors = [...strictErrors, ...outcome.strictErrors];
    if (errors.length > 0 && patch.validation === 'Strict') refuse(`strict decoding error: ${errors.join(', ')}`);
    if (patch.validation === 'Warn') for (const one of errors) warn(context, one);
    const object = withKind(outcome.object as unknown as KubeObject, target);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) return refuse(error.message);
    throw error;
  }
}

/** A patch may have made another kind of the object: it is decoded as what it says it is, and then refused. */
function decodeKind(target: PatchTarget, text: string, apiVersion: string, kind: string, strict: boolean): DecodeOutcome {
  if (apiVersion === target.apiVersion && kind === target.kind) return decodeJson(text, target.plan!, strict);
  const type = typeForKind(apiVersion, kind);
  if (type === undefined) throw new DecodeError(`no kind ${quote(kind)} is registered for version ${quote(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`);
  decodeJson(text, planOf(type.name), strict);
  const internal = target.group === '' ? 'core' : target.group.replace(/\..*$/, '');
  throw new DecodeError(`converting (${apiVersion.slice(apiVersion.indexOf('/') + 1)}.${kind}) to (${internal}.${target.kind}): unknown conversion`);
}

function withKind(object: KubeObject, target: PatchTarget): KubeObject {
  // Validation tells of a custom resource that a patch made another kind of.
  if (target.decode === undefined) {
    object.apiVersion = target.apiVersion;
    object.kind = target.kind;
  }
  object.metadata ??= {};
  return object;
}

function applied(target: PatchTarget, patch: Patch, live: KubeObject | undefined, context: RequestContext): KubeObject {
  let config: unknown;
  let duplicates: readonly string[];
  try {
    ({ value: config, duplicates } = decodeYaml(patch.body));
  } catch (error) {
    if (error instanceof DecodeError) throw newBadRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`);
    throw error;
  }
  config ??= {};
  if (typeof config !== 'object' || Array.isArray(config)) {
    throw newBadRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(config as JsonValue)} into Go value of type map[string]interface {}`);
  }
  const { object: merged } = target.fieldManager.apply({
    live: live as unknown as JsonObject | undefined, config: config as JsonObject, manager: patch.manager, force: patch.force, time: nowText(context),
  });
  if (duplicates.length > 0 && patch.validation === 'Strict') {
    throw newBadRequest(`error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:${duplicates.map((one) => `\n  ${one}`).join('')}`);
  }
  if (patch.validation === 'Warn') for (const one of duplicates) warn(context, one);
  try {
    const outcome = target.decode !== undefined ? target.decode(merged, false) : decodeJson(encodeAny(merged), target.plan!, false);
    const object = withKind(outcome.object as unknown as KubeObject, target);
    target.defaults(object);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) throw newBadRequest(error.message);
    throw error;
  }
}
