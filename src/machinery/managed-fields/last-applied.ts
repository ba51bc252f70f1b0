/**
 * The bridge from client-side apply: kubectl's annotation that says what it applied last.
 *
 * When kubectl changes over to server-side apply, it may take over without a conflict what the annotation says it applied and
 * what nobody changed since; afterwards the annotation is kept up to date, for the way back.
 */
import { encodeSorted } from '../codec/json-encode.ts';
import { isObject } from '../patch/json-value.ts';
import type { JsonObject } from '../patch/json-value.ts';
import { compareObjects } from './compare.ts';
import { difference, EMPTY_SET } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import type { MergeType } from './merge-type.ts';
import { setOfObject } from './object-set.ts';
import { typeFault } from './validate.ts';

export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** The only manager for whom this is done. */
export const LAST_APPLIED_MANAGER = 'kubectl';
/** As validation allows; a longer annotation is left out. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;

function annotationsOf(object: JsonObject): JsonObject | undefined {
  const metadata = object['metadata'];
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined;
  return isObject(annotations) ? annotations : undefined;
}

/** What the annotation says was applied and still stands so; the empty set when it says nothing usable. */
export function lastAppliedSet(live: JsonObject, apiVersion: string, type: MergeType): FieldSet {
  const text = annotationsOf(live)?.[LAST_APPLIED_ANNOTATION];
  const applied = typeof text === 'string' ? parseObject(text) : undefined;
  if (applied === undefined || applied['apiVersion'] !== apiVersion) return EMPTY_SET;
  if (typeFault(live, type, false) !== undefined || typeFault(applied, type, false) !== undefined) return EMPTY_SET;
  const changes = compareObjects(applied, live, type);
  return difference(difference(difference(setOfObject(applied, type), changes.modified), changes.added), changes.removed);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) && typeof value['kind'] === 'string' && value['kind'] !== '' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The object with the annotation saying what was applied now; unchanged when it had none. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  const annotations = annotationsOf(object);
  const text = annotations?.[LAST_APPLIED_ANNOTATION];
  if (annotations === undefined || typeof text !== 'string' || text === '') return object;
  const updated: JsonObject = { ...annotations, [LAST_APPLIED_ANNOTATION]: `${encodeSorted(withoutAnnotation(config)).replace(HTML_UNSAFE, escape)}\n` };
  if (annotationBytes(updated) > ANNOTATIONS_BYTES_MAX) delete updated[LAST_APPLIED_ANNOTATION];
  return { ...object, metadata: { ...object['metadata'] as JsonObject, annotations: updated } };
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const annotations = annotationsOf(config);
  if (annotations === undefined || !Object.hasOwn(annotations, LAST_APPLIED_ANNOTATION)) return config;
  const { [LAST_APPLIED_ANNOTATION]: _dropped, ...others } = annotations;
  return { ...config, metadata: { ...config['metadata'] as JsonObject, annotations: others } };
}

function annotationBytes(annotations: JsonObject): number {
  return Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)), 0);
}

const HTML_UNSAFE = /[<>&\u2028\u2029]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
