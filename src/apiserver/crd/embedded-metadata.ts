/**
 * Metadata in custom resources: that of the object itself and of the resources embedded in it, brought into the form all
 * metadata has. What embedded resources must hold is checked here too.
 */
import { DecodeError } from '#machinery/codec/decode-error';
import { decodeJson } from '#machinery/codec/json-decode';
import { encodeAny } from '#machinery/codec/json-encode';
import { fieldErrorText, invalid, path as fieldPath, required, type FieldError, type FieldPath } from '#machinery/field-error';
import { groupVersionFault, parseGroupVersion } from '#machinery/gvk';
import type { ObjectMeta } from '#machinery/meta';
import { dns1035LabelFaults, nameIsPathSegment } from '#machinery/names';
import { additionalOf, asResource, isMap, propertyOf, type JsonMap, type Structural } from '#machinery/schema/structural';
import { validateObjectMeta } from '#machinery/validation/object-meta';
import { planOf } from '../codec.ts';

const UNKNOWN_FIELD = /^unknown field "(.*)"$/;
/** Stands for the name of an embedded resource, which need not have one. */
const NAMELESS = 'fakename';

export interface DecodedMetadata { readonly metadata: ObjectMeta; readonly unknown: readonly string[] }

/** @param at where the metadata's owner stands, with a dot behind; '' for the root. @throws DecodeError */
export function decodeMetadata(value: unknown, at = ''): DecodedMetadata {
  const outcome = decodeJson(encodeAny(value), planOf('meta/v1.ObjectMeta'), true);
  const unknown = outcome.strictErrors.flatMap((text) => {
    const name = UNKNOWN_FIELD.exec(text)?.[1];
    return name === undefined ? [] : [`${at}metadata.${name}`];
  });
  const metadata = outcome.object as unknown as ObjectMeta & { creationTimestamp?: string | null };
  if (!metadata.creationTimestamp) delete metadata.creationTimestamp;
  for (const [key, part] of Object.entries(outcome.object)) if (typeof part === 'object' && part !== null && Object.keys(part).length === 0) delete outcome.object[key];
  if (isMap(value) && Array.isArray(value['managedFields']) && value['managedFields'].length === 0) metadata.managedFields = [];
  return { metadata, unknown };
}

/**
 * Brings embedded resources into form; the object's own metadata is the caller's. Changes the value.
 * @returns the paths of unknown fields, sorted. @throws DecodeError
 */
export function coerceEmbedded(value: unknown, schema: Structural | undefined): string[] {
  const unknown: string[] = [];
  coerce(value, schema, undefined, unknown);
  return unknown.sort();
}

/** The same for a value that is a resource itself. @throws DecodeError */
export function coerceResource(value: unknown, schema: Structural | undefined): void {
  coerce(value, asResource(schema), undefined, []);
}

function below(at: FieldPath | undefined, name: string): FieldPath { return at === undefined ? fieldPath(name) : at.child(name); }
function belowKey(at: FieldPath | undefined, key: string): FieldPath { return at === undefined ? fieldPath(`[${key}]`) : at.key(key); }

function coerce(value: unknown, schema: Structural | undefined, at: FieldPath | undefined, unknown: string[]): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) coerce(item, schema.items, at === undefined ? fieldPath(`[${index}]`) : at.index(index), unknown);
    return;
  }
  if (!isMap(value)) return;
  if (schema['x-kubernetes-embedded-resource'] === true) coerceResourceKeys(value, at, unknown);
  for (const key of Object.keys(value)) {
    const property = propertyOf(schema, key);
    if (property !== undefined) coerce(value[key], property, below(at, key), unknown);
    else if (schema.additionalProperties !== undefined) coerce(value[key], additionalOf(schema), belowKey(at, key), unknown);
  }
}

function coerceResourceKeys(value: JsonMap, at: FieldPath | undefined, unknown: string[]): void {
  const refuse = (key: string, text: string): never => { throw new DecodeError(fieldErrorText(invalid(below(at, key), value[key], text))); };
  for (const key of ['apiVersion', 'kind']) if (Object.hasOwn(value, key) && typeof value[key] !== 'string') refuse(key, 'must be a string');
  if (!Object.hasOwn(value, 'metadata')) return;
  try {
    const decoded = decodeMetadata(value['metadata'], at === undefined ? '' : `${String(at)}.`);
    unknown.push(...decoded.unknown);
    value['metadata'] = decoded.metadata;
  } catch (error) {
    if (error instanceof DecodeError) refuse('metadata', error.message);
    throw error;
  }
}

/** Faults of embedded resources. @param isResource the value is a resource itself. */
export function embeddedFaults(value: unknown, schema: Structural | undefined, isResource = false, at?: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  check(value, isResource ? asResource(schema) : schema, at, errors);
  return errors;
}

function check(value: unknown, schema: Structural | undefined, at: FieldPath | undefined, errors: FieldError[]): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, schema.items, at === undefined ? fieldPath(`[${index}]`) : at.index(index), errors);
    return;
  }
  if (!isMap(value)) return;
  if (schema['x-kubernetes-embedded-resource'] === true) checkResource(value, at, errors);
  for (const key of Object.keys(value)) {
    const property = propertyOf(schema, key);
    if (property !== undefined) check(value[key], property, below(at, key), errors);
    else if (schema.additionalProperties !== undefined) check(value[key], additionalOf(schema), belowKey(at, key), errors);
  }
}

function checkResource(value: JsonMap, at: FieldPath | undefined, errors: FieldError[]): void {
  for (const key of ['apiVersion', 'kind']) if (!Object.hasOwn(value, key)) errors.push(required(below(at, key), ''));
  const { apiVersion, kind, metadata } = value;
  const fault = (key: string, text: string): void => { errors.push(invalid(below(at, key), value[key], text)); };
  if (Object.hasOwn(value, 'apiVersion')) {
    if (typeof apiVersion !== 'string') fault('apiVersion', 'must be a string');
    else if (apiVersion === '') fault('apiVersion', 'must not be empty');
    else if (parseGroupVersion(apiVersion) === undefined) fault('apiVersion', groupVersionFault(apiVersion));
  }
  if (Object.hasOwn(value, 'kind')) {
    if (typeof kind !== 'string') fault('kind', 'must be a string');
    else if (kind === '') fault('kind', 'must not be empty');
    else {
      const texts = dns1035LabelFaults(kind.toLowerCase());
      if (texts.length > 0) fault('kind', `may have mixed case, but should otherwise match: ${texts.join(',')}`);
    }
  }
  if (!isMap(metadata)) return;
  const named = { ...metadata, name: metadata['name'] === undefined || metadata['name'] === '' ? NAMELESS : metadata['name'] } as ObjectMeta;
  errors.push(...validateObjectMeta(named, Boolean(named.namespace), nameIsPathSegment, below(at, 'metadata')));
}
