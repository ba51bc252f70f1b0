/** The body of a request as an object of the kind asked for: decoded, checked against the schema, pruned and defaulted. */
import { BUILTIN_TYPES, CUSTOM_TYPES, negotiateInput } from '#machinery/codec/content-type';
import { parseYaml } from '#machinery/codec/yaml';
import { parseGroupVersion } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import { newBadRequest, StatusError } from '#machinery/status-error';
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
  return negotiateInput(header(context.request, 'content-type'), custom ? CUSTOM_TYPES : BUILTIN_TYPES);
}

/** @throws StatusError 400, 415 */
export function decodeObject(body: Buffer, context: RequestContext, served: ServedResource, validation: FieldValidation): KubeObject {
  if (served.decodeBody !== undefined) {
    const { object, warnings } = served.decodeBody(body, inputType(context, true), validation);
    for (const text of warnings) warn(context, text);
    return object;
  }
  const object = decodeAs(body, context, served.apiVersion, served.info.kind, validation);
  served.definition.strategy.defaults?.(object);
  return object;
}

/** Any built-in kind that comes in a body. @throws StatusError 400, 415 */
export function decodeAs(body: Buffer, context: RequestContext, apiVersion: string, kind: string, validation: FieldValidation): KubeObject {
  const { object, warnings } = serializer.decode(body, inputType(context), { ...parseGroupVersion(apiVersion)!, kind }, { fieldValidation: validation });
  for (const text of warnings) warn(context, text);
  return object as unknown as KubeObject;
}

/** Any YAML (or JSON) value. @throws DecodeError */
export function decodeYaml(body: Buffer): unknown {
  return parseYaml(body.toString('utf8')).value;
}

/** DeleteOptions come as of any group version. @throws StatusError 400, 415 */
export function decodeDeleteOptions(body: Buffer, context: RequestContext): DeleteOptions {
  try {
    const { object } = serializer.decode(body, inputType(context), { group: '', version: 'v1', kind: 'DeleteOptions' }, { fieldValidation: 'Ignore', acceptedVersions: ['meta.k8s.io/v1', `${context.info.group}/${context.info.version}`] });
    const { apiVersion: _apiVersion, kind: _kind, ...options } = object;
    return options as DeleteOptions;
  } catch (error) {
    // Upstream gives the fault bare here.
    const bare = error instanceof StatusError && error.code === 400 ? /(?:cannot be handled as a DeleteOptions|of type DeleteOptions\)): (.*)$/s.exec(error.message)?.[1] : undefined;
    throw bare === undefined ? error : newBadRequest(bare.replace(/ \([^()]*\)$/, ''));
  }
}
