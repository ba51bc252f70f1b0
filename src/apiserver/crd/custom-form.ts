/**
 * A custom resource between the wire and the store: bodies and patched values become objects in the form of their version's schema.
 *
 *     decode → metadata as all metadata → unknown fields dropped → nulls that may not be dropped → embedded resources → defaults
 */
import { serializer } from '../codec.ts';
import { DecodeError } from '#machinery/codec/decode-error';
import { parseGroupVersion } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import type { JsonValue } from '#machinery/patch/json-value';
import { applyDefaults, dropNulls } from '#machinery/schema/structural-default';
import { pruneResource } from '#machinery/schema/structural-prune';
import type { JsonMap, Structural } from '#machinery/schema/structural';
import { newBadRequest } from '#machinery/status-error';
import type { FieldValidation } from '../handlers/request-options.ts';
import { coerceEmbedded, decodeMetadata } from './embedded-metadata.ts';

export interface CustomForm {
  readonly apiVersion: string;
  readonly kind: string;
  readonly schema: Structural | undefined;
  /** The whole definition keeps unknown fields. */
  readonly preserves: boolean;
}

/** Changes the object. @returns `unknown field "…"` for each dropped one. @throws DecodeError */
export function shapeObject(object: JsonMap, form: CustomForm): string[] {
  const unknown: string[] = [];
  const { apiVersion, kind } = object;
  const metadata = Object.hasOwn(object, 'metadata') ? decodeMetadata(object['metadata']) : undefined;
  unknown.push(...metadata?.unknown ?? []);
  if (kind === form.kind && groupOf(apiVersion) === groupOf(form.apiVersion)) {
    // Of another version nothing is known.
    const schema = apiVersion === form.apiVersion ? form.schema : undefined;
    if (!form.preserves) {
      unknown.push(...pruneResource(object, schema));
      dropNulls(object, schema);
    }
    unknown.push(...coerceEmbedded(object, schema));
  }
  Object.assign(object, { metadata: metadata?.metadata ?? {} });
  return unknown.map((path) => `unknown field "${path}"`);
}

function groupOf(apiVersion: unknown): string | undefined {
  return typeof apiVersion === 'string' ? parseGroupVersion(apiVersion)?.group : undefined;
}

/** A body. @throws StatusError 400 */
export function decodeCustomBody(form: CustomForm, body: Buffer, mediaType: string, validation: FieldValidation): { object: KubeObject; warnings: readonly string[] } {
  const strict = validation !== 'Ignore';
  const { object, warnings } = serializer.decodeUntyped(body, mediaType, form.kind, { fieldValidation: strict ? 'Warn' : 'Ignore' });
  const version = form.apiVersion.slice(form.apiVersion.indexOf('/') + 1);
  const given = typeof object['apiVersion'] === 'string' ? object['apiVersion'] : '';
  const refuse = (text: string): never => {
    const kind = String(object['kind']);
    throw newBadRequest(`${kind} in version "${given === '' ? version : given.slice(given.indexOf('/') + 1)}" cannot be handled as a ${form.kind}: ${text}`);
  };
  try {
    const errors = [...warnings, ...shapeObject(object, form)];
    if (validation === 'Strict' && errors.length > 0) refuse(`strict decoding error: ${errors.join(', ')}`);
    if (given === form.apiVersion) applyDefaults(object, form.schema);
    return { object: object as unknown as KubeObject, warnings: validation === 'Warn' ? errors : [] };
  } catch (error) {
    if (error instanceof DecodeError) return refuse(error.message);
    throw error;
  }
}

/** A patched value, which may share parts with the stored object. @throws DecodeError */
export function decodeCustomPatched(form: CustomForm, value: JsonValue): { object: KubeObject; strictErrors: readonly string[] } {
  const object = structuredClone(value) as JsonMap;
  const strictErrors = shapeObject(object, form);
  return { object: object as unknown as KubeObject, strictErrors };
}
