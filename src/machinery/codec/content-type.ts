/**
 * Media types: reading Content-Type, and choosing the form of an answer from Accept, with upstream's habits.
 *
 * The clauses of Accept are tried by their q, then by how specific they are, then in their order; a q of 0 is only the last. A
 * clause whose parameters the endpoint does not offer (`as=Table` of something that has no table) is passed over.
 */
import { newUnsupportedMediaType } from '../status-error.ts';

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
export const CBOR_TYPE = 'application/cbor';

/** What built-in resources are read and sent in, in upstream's order of preference. */
export const BUILTIN_TYPES: readonly string[] = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE];
/** Custom resources are not in protobuf. */
export const CUSTOM_TYPES: readonly string[] = [JSON_TYPE, YAML_TYPE];

export interface MediaType {
  /** Lower case. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface Target { readonly group: string; readonly version: string; readonly kind: string }

export interface Negotiated {
  /** One of those offered. */
  readonly type: string;
  /** The object asked for instead: Table, PartialObjectMetadata(List), APIGroupDiscoveryList. */
  readonly as: Target | undefined;
  /** `watch`, or ''. */
  readonly stream: string;
  readonly pretty: boolean;
  /** `nopeer` of aggregated discovery, or ''. */
  readonly profile: string;
}

export interface Offer {
  /** In order of preference. */
  readonly types: readonly string[];
  /** Which transformations the endpoint knows for a media type; none when absent. */
  allows?(type: string, target: Target): boolean;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** As Go's mime.ParseMediaType; undefined when it is malformed. */
export function parseMediaType(text: string): MediaType | undefined {
  const semicolon = text.indexOf(';');
  const type = (semicolon < 0 ? text : text.slice(0, semicolon)).trim().toLowerCase();
  const slash = type.split('/');
  if (slash.length > 2 || !slash.every((part) => TOKEN.test(part))) return undefined;
  const parameters = new Map<string, string>();
  let rest = semicolon < 0 ? '' : text.slice(semicolon);
  while (rest.trim() !== '') {
    const match = /^\s*;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*/.exec(rest);
    if (match === null) return /^\s*;\s*$/.test(rest) ? { type, parameters } : undefined;
    const name = match[1]!.toLowerCase();
    if (!TOKEN.test(name) || parameters.has(name) || (match[3] === '' && match[2] === undefined)) return undefined;
    parameters.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3]!);
    rest = rest.slice(match[0].length);
  }
  return { type, parameters };
}

/** The media type of a body; none given means the first of those supported. @throws StatusError 415 */
export function negotiateInput(contentType: string | undefined, supported: readonly string[]): string {
  if (contentType === undefined || contentType === '') return supported[0]!;
  const type = parseMediaType(contentType)?.type;
  if (type === undefined || !supported.includes(type)) throw newUnsupportedMediaType(supported);
  return type;
}

interface Clause { readonly type: string; readonly subtype: string; readonly q: number; readonly parameters: ReadonlyMap<string, string> }

function parseAccept(header: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of header.split(',')) {
    const [range, ...settings] = part.split(';').map((piece) => piece.trim());
    const [type, subtype, ...more] = (range ?? '').split('/').map((piece) => piece.trim());
    if (type === undefined || more.length > 0 || (subtype === undefined && type !== '*')) continue;
    const parameters = new Map<string, string>();
    let q = 1;
    for (const setting of settings) {
      const equals = setting.indexOf('=');
      if (equals < 0) continue;
      const name = setting.slice(0, equals).trim();
      const value = setting.slice(equals + 1).trim();
      if (name === 'q') q = Number.isNaN(Number.parseFloat(value)) ? 1 : Number.parseFloat(value);
      else parameters.set(name, value);
    }
    clauses.push({ type, subtype: subtype ?? '*', q, parameters });
  }
  return clauses.sort((a, b) => b.q - a.q || wildcards(a) - wildcards(b));
}

function wildcards(clause: Clause): number {
  return (clause.type === '*' ? 2 : 0) + (clause.subtype === '*' ? 1 : 0);
}

/** undefined: nothing that the caller accepts is offered. */
export function negotiateAccept(accept: string | undefined, offer: Offer): Negotiated | undefined {
  if (accept === undefined || accept === '') return { type: offer.types[0]!, as: undefined, stream: '', pretty: false, profile: '' };
  for (const clause of parseAccept(accept)) {
    for (const type of offer.types) {
      const [main, sub] = type.split('/');
      if ((clause.type !== '*' && clause.type !== main) || (clause.subtype !== '*' && clause.subtype !== sub)) continue;
      const negotiated = applyParameters(type, clause.parameters, offer);
      if (negotiated !== undefined) return negotiated;
    }
  }
  return undefined;
}

function applyParameters(type: string, parameters: ReadonlyMap<string, string>, offer: Offer): Negotiated | undefined {
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && stream !== 'watch') return undefined;
  if ((parameters.get('sv') ?? '') !== '') return undefined;
  let as: Target | undefined;
  if (parameters.has('as') || parameters.has('g') || parameters.has('v')) {
    as = { kind: parameters.get('as') ?? '', group: parameters.get('g') ?? '', version: parameters.get('v') ?? '' };
    if (offer.allows?.(type, as) !== true) return undefined;
  }
  return { type, as, stream, pretty: parameters.get('pretty') === '1', profile: parameters.get('profile') ?? '' };
}
