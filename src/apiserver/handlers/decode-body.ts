/** The body of a request as an object of the kind asked for: decoded, checked against the schema, pruned and defaulted. */
import { isUtf8 } from 'node:buffer';
import { BUILTIN_TYPES, CUSTOM_TYPES, negotiateInput, parseMediaType } from '#machinery/codec/content-type';
import { MalformedError } from '#machinery/codec/decode-error';
import { parseYaml } from '#machinery/codec/yaml';
import { parseGroupVersion } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import { newBadRequest, newUnsupportedMediaType, StatusError } from '#machinery/status-error';
import { serializer } from '../codec.ts';
import { header, warn, type RequestContext } from '../context.ts';
import { BODY_BYTES_MAX } from '../filters/body.ts';
import type { ServedResource } from '../served-resource.ts';
import type { DeleteOptions, FieldValidation } from './request-options.ts';

/** @throws StatusError 413, 408 */
export function readObjectBody(context: RequestContext): Promise<Buffer> {
  return context.request.readBody(BODY_BYTES_MAX);
}

/** @throws StatusError 415 */
export function inputType(context: RequestContext, custom = false): string {
  const given = header(context.request, 'content-type');
  const supported = custom ? CUSTOM_TYPES : BUILTIN_TYPES;
  refuseCharset(given, supported);
  return negotiateInput(given, supported);
}

/** @throws StatusError 415 for a character set that is not UTF-8 */
export function refuseCharset(contentType: string, supported: readonly string[]): void {
  const charset = contentType.includes('charset') ? parseMediaType(contentType)?.parameters.get('charset')?.toLowerCase() : undefined;
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') throw newUnsupportedMediaType(supported);
}

/** @throws StatusError 400, 415 */
export function decodeObject(body: Buffer, context: RequestContext, served: ServedResource, validation: FieldValidation): KubeObject {
  if (served.decodeBody !== undefined) {
    const { object, warnings } = served.decodeBody(body, inputType(context), validation);
    for (const text of warnings) warn(context, text);
    if (object.apiVersion !== served.apiVersion) throw newBadRequest(`the API version in the data (${object.apiVersion ?? ''}) does not match the expected API version (${served.apiVersion})`);
    context.audit?.requestObject(object);
    return object;
  }
  const object = decodeAs(body, context, served.apiVersion, served.info.kind, validation);
  if (body.includes('"managedFields"') && EMPTIED_ENTRIES.test(body.toString('latin1'))) object.metadata.managedFields ??= [];
  served.definition.strategy.defaults?.(object);
  context.audit?.requestObject(object);
  return object;
}

/** An empty list is dropped by decoding, but here it says: forget who owns what. */
const EMPTIED_ENTRIES = /"managedFields"\s*:\s*\[\s*\]/;

/** Any built-in kind that comes in a body. @throws StatusError 400, 415 */
export function decodeAs(body: Buffer, context: RequestContext, apiVersion: string, kind: string, validation: FieldValidation): KubeObject {
  const { object, warnings } = serializer.decode(body, inputType(context), { ...parseGroupVersion(apiVersion)!, kind }, { fieldValidation: validation });
  for (const text of warnings) warn(context, text);
  return object as unknown as KubeObject;
}

/** Any YAML (or JSON) value, and which of its keys stand twice. @throws DecodeError */
export function decodeYaml(body: Buffer): { readonly value: unknown; readonly duplicates: readonly string[] } {
  if (!isUtf8(body)) throw new MalformedError('yaml: invalid UTF-8');
  return parseYaml(body.toString('utf8'));
}

/**
 * DeleteOptions come as of any group version: Go clients send those of custom resources as of the resource's own.
 * @param unsafe the gate of unsafe deletion is on: without it, the option is none. @throws StatusError 400, 415
 */
export function decodeDeleteOptions(body: Buffer, context: RequestContext, unsafe = false): DeleteOptions {
  const mediaType = inputType(context);
  try {
    const { object } = serializer.decode(body, mediaType, { group: '', version: 'v1', kind: 'DeleteOptions' }, { fieldValidation: 'Ignore', anyVersion: true });
    const { apiVersion: _apiVersion, kind: _kind, ...options } = object;
    if (!unsafe) delete options['ignoreStoreReadErrorWithClusterBreakingPotential'];
    context.audit?.deleteOptions(options);
    return options as DeleteOptions;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 400) throw error;
    // Upstream gives the fault bare here.
    const other = /^(\S+) in version "([^"]*)" cannot be handled as a DeleteOptions: converting /.exec(error.message);
    if (other !== null) throw newBadRequest(`no kind ${JSON.stringify(other[1])} is registered for version ${JSON.stringify(other[2])} in scheme "pkg/apis/meta/internalversion/scheme/register.go:36"`);
    const bare = /^(?:\S+ in version "[^"]*" cannot be handled as a DeleteOptions: (.*)|the object provided is unrecognized \(must be of type DeleteOptions\): (.*) \([^()]*\))$/s.exec(error.message);
    throw bare === null ? error : newBadRequest(bare[1] ?? bare[2]!);
  }
}
