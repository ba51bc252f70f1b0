/** Which form an answer takes, from the Accept header: media type, and whether as the object, a Table or its metadata. */
import { BUILTIN_TYPES, CUSTOM_TYPES, negotiateAccept, type Target } from '#machinery/codec/content-type';
import { newNotAcceptable, newStatusError } from '#machinery/status-error';

export type Format = 'json' | 'yaml' | 'protobuf';
export type Shape = 'object' | 'table' | 'partial' | 'partial-list';

export interface Output {
  readonly format: Format;
  readonly shape: Shape;
  readonly pretty: boolean;
}

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json', yaml: 'application/yaml', protobuf: 'application/vnd.kubernetes.protobuf',
};
const SHAPES: Readonly<Record<string, Shape>> = { Table: 'table', PartialObjectMetadata: 'partial', PartialObjectMetadataList: 'partial-list' };
const JSON_OUTPUT: Output = { format: 'json', shape: 'object', pretty: false };

export interface NegotiationRules {
  /** Custom resources speak no protobuf as objects. */
  readonly custom?: boolean;
  /** Table and PartialObjectMetadata can be had. */
  readonly shapes: boolean;
}

export function formatOf(mediaType: string): Format {
  return mediaType === MEDIA_TYPES.yaml ? 'yaml' : mediaType === MEDIA_TYPES.protobuf ? 'protobuf' : 'json';
}

/** @throws StatusError 406: in go-restful's words where no type is served, in the API machinery's where its parameters are not. */
export function negotiate(accept: string, rules: NegotiationRules): Output {
  if (accept === '' || accept === 'application/json' || accept === '*/*') return JSON_OUTPUT;
  const types = rules.custom === true ? CUSTOM_TYPES : BUILTIN_TYPES;
  // The router of built-in kinds compares whole types: `application/*` is none of them.
  if (rules.custom !== true && !accept.split(',').some((clause) => [...types, '*/*'].includes(clause.split(';')[0]!.trim()))) {
    throw newStatusError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${types.join(', ')}`, {});
  }
  const allows = (type: string, target: Target): boolean => rules.shapes && allowsShape(type, target);
  // Metadata of custom resources can be had in protobuf, the objects cannot.
  const found = negotiateAccept(accept, { types, allows })
    ?? (rules.custom === true ? onlyShaped(negotiateAccept(accept, { types: BUILTIN_TYPES, allows })) : undefined);
  if (found === undefined) throw newNotAcceptable(types);
  return { format: formatOf(found.type), shape: found.as === undefined ? 'object' : SHAPES[found.as.kind]!, pretty: found.pretty };
}

function onlyShaped<T extends { as: Target | undefined }>(found: T | undefined): T | undefined {
  return found?.as === undefined ? undefined : found;
}

function allowsShape(type: string, target: Target): boolean {
  if (target.group !== 'meta.k8s.io' || (target.version !== 'v1' && target.version !== 'v1beta1')) return false;
  return Object.hasOwn(SHAPES, target.kind) && !(target.kind === 'Table' && type === MEDIA_TYPES.protobuf);
}

/** For errors, which always find a form. */
export function negotiateError(accept: string): Format {
  if (accept === '' || accept === 'application/json') return 'json';
  return formatOf(negotiateAccept(accept, { types: BUILTIN_TYPES })?.type ?? MEDIA_TYPES.json);
}
