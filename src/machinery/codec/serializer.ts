/**
 * Bodies of requests → objects, objects → bodies of answers: one entry for all media types.
 *
 * Decoding gives the object in canonical form (see json-decode.ts) together with what fieldValidation asks to be told. Faults are
 * 400 with upstream's sentence around the fault. Defaults and validation are the API server's business.
 */
import { isUtf8 } from 'node:buffer';
import { quote } from '../go-print.ts';
import { formatGroupVersion, groupVersionFault, parseGroupVersion } from '../gvk.ts';
import type { GroupVersionKind } from '../gvk.ts';
import type { SchemaResolver, TypeSchema } from '../schema/model.ts';
import { newBadRequest, newUnsupportedMediaType } from '../status-error.ts';
import type { StatusError } from '../status-error.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { BUILTIN_TYPES, CBOR_TYPE, JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE } from './content-type.ts';
import { DecodeError, MalformedError } from './decode-error.ts';
import { readAny } from './json-any.ts';
import { decodeJson, strictErrorText } from './json-decode.ts';
import type { DecodeOutcome } from './json-decode.ts';
import { encodeAny, encodeJson, encodeSorted } from './json-encode.ts';
import { JsonReader } from './json-reader.ts';
import { isRetired } from './retired-kinds.ts';
import { decodeProtobufObject, encodeProtobufObject, readEnvelope } from './protobuf-envelope.ts';
import { TypePlans } from './type-plan.ts';
import { encodeYaml, yamlToJson } from './yaml.ts';

/** The types a server knows. */
export interface Scheme {
  readonly resolveType: SchemaResolver;
  typeForKind(apiVersion: string, kind: string): TypeSchema | undefined;
  /** Types that upstream stores as JSON (see TypePlans); all, when absent. */
  keepsEmptyLists?(typeName: string): boolean;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface Decoded {
  /** With apiVersion and kind. */
  readonly object: Record<string, unknown>;
  /** For `Warning` headers. */
  readonly warnings: readonly string[];
}

export interface DecodeOptions {
  /** Default: Ignore. */
  readonly fieldValidation?: FieldValidation;
  /** The kind is taken as of any group version, also of one that no type is known in. */
  readonly anyVersion?: boolean;
}

const INTERPRETED_STRUCT = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
const SUMMARY_BYTES = 30;

export class Serializer {
  readonly #scheme: Scheme;
  readonly #plans: TypePlans;

  constructor(scheme: Scheme) {
    this.#scheme = scheme;
    this.#plans = new TypePlans(scheme.resolveType, scheme.keepsEmptyLists);
  }

  /**
   * Reads a body that should hold `expected`; an absent kind or apiVersion is taken as that.
   * @throws StatusError 400, 415
   */
  decode(body: Buffer, mediaType: string, expected: GroupVersionKind, options: DecodeOptions = {}): Decoded {
    if (!BUILTIN_TYPES.includes(mediaType) && mediaType !== CBOR_TYPE) throw newUnsupportedMediaType(BUILTIN_TYPES);
    const validation = options.fieldValidation ?? 'Ignore';
    const usual = this.#decodeUsual(body, mediaType, expected, validation);
    if (usual !== undefined) return usual;
    let source: Source;
    let actual: GroupVersionKind;
    try {
      source = readSource(body, mediaType);
      actual = withDefaults(source.interpret(), expected);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw newBadRequest(`the object provided is unrecognized (must be of type ${expected.kind}): ${error.message} (${summarize(body)})`);
    }
    let outcome: DecodeOutcome;
    try {
      const known = options.anyVersion === true && actual.kind === expected.kind ? expected : actual;
      outcome = this.#decodeAs(source, known, expected, validation !== 'Ignore');
      if (validation === 'Strict' && outcome.strictErrors.length > 0) throw new DecodeError(`strict decoding error: ${outcome.strictErrors.join(', ')}`);
    } catch (error) {
      throw error instanceof DecodeError ? cannotBeHandled(actual, expected, error.message) : error;
    }
    if (options.anyVersion !== true) checkVersion(actual, expected);
    return decodedAs(actual, outcome, validation);
  }

  /** JSON that holds what it should, in one pass; undefined for everything else, which is then looked at with care. */
  #decodeUsual(body: Buffer, mediaType: string, expected: GroupVersionKind, validation: FieldValidation): Decoded | undefined {
    const apiVersion = formatGroupVersion(expected.group, expected.version);
    const type = mediaType === JSON_TYPE ? this.#scheme.typeForKind(apiVersion, expected.kind) : undefined;
    if (type === undefined || !isUtf8(body)) return undefined;
    let outcome: DecodeOutcome;
    try {
      outcome = decodeJson(body.toString('utf8'), this.#plans.of(type), validation !== 'Ignore');
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
    const { object, strictErrors } = outcome;
    const isExpected = (object['kind'] ?? expected.kind) === expected.kind && (object['apiVersion'] ?? apiVersion) === apiVersion;
    if (!isExpected || outcome.hasOddTypeMeta === true || (validation === 'Strict' && strictErrors.length > 0)) return undefined;
    return decodedAs(expected, outcome, validation);
  }

  #decodeAs(source: Source, actual: GroupVersionKind, expected: GroupVersionKind, strict: boolean): DecodeOutcome {
    const apiVersion = formatGroupVersion(actual.group, actual.version);
    const type = this.#scheme.typeForKind(apiVersion, actual.kind);
    if (type === undefined) {
      if (actual.kind === 'List' && apiVersion === 'v1') throw new DecodeError(conversionFault(apiVersion, 'List', expected));
      if (actual.kind === expected.kind && actual.group === expected.group && isRetired(apiVersion, actual.kind)) checkVersion(actual, expected);
      throw new DecodeError(`no kind ${quote(actual.kind)} is registered for version ${quote(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`);
    }
    const outcome = source.decode(this.#plans, type, strict);
    if (actual.kind !== expected.kind) throw new DecodeError(conversionFault(apiVersion, actual.kind, expected));
    return outcome;
  }

  /** An object without a schema: custom resources, patches' results. Its kind must be there. @throws StatusError 400 */
  decodeUntyped(body: Buffer, mediaType: string, expectedKind: string, options: DecodeOptions = {}): Decoded {
    const validation = options.fieldValidation ?? 'Ignore';
    try {
      const source = readSource(body, mediaType);
      if (source.interpret().kind === '') throw new DecodeError(`Object 'Kind' is missing in '${source.text}'`);
      const outcome = source.decodeUntyped(validation !== 'Ignore');
      if (validation === 'Strict' && outcome.strictErrors.length > 0) {
        throw new DecodeError(`strict decoding error: ${outcome.strictErrors.join(', ')}`);
      }
      return { object: outcome.object, warnings: validation === 'Warn' ? outcome.strictErrors : [] };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw newBadRequest(`the object provided is unrecognized (must be of type ${expectedKind}): ${error.message} (${summarize(body)})`);
    }
  }

  /** Stored bytes back to an object: canonical JSON of the type. Unknown fields of a newer version are dropped. @throws DecodeError */
  decodeStored(bytes: Buffer, type: TypeSchema): Record<string, unknown> {
    return decodeJson(bytes.toString('utf8'), this.#plans.of(type), false).object;
  }

  /** A JSON value (a patched object, a mutated one) in canonical form. @throws DecodeError with upstream's text */
  canonicalize(value: unknown, type: TypeSchema, strict = false): DecodeOutcome {
    return decodeJson(encodeAny(value), this.#plans.of(type), strict);
  }

  /** The canonical JSON: what is stored, and what is sent. */
  encodeStored(object: Readonly<Record<string, unknown>>, type: TypeSchema): Buffer {
    return encodeJson(object, this.#plans.of(type));
  }

  /**
   * An answer's body. Without a type (tables, custom resources) the object is written as it is, and there is no protobuf of it.
   * @throws StatusError 406 where the object has no such form is the caller's; here a TypeError.
   */
  encode(object: Readonly<Record<string, unknown>>, type: TypeSchema | undefined, mediaType: string): Buffer {
    switch (mediaType) {
      case JSON_TYPE: return type === undefined ? Buffer.from(encodeAny(object), 'utf8') : encodeJson(object, this.#plans.of(type));
      case YAML_TYPE: return Buffer.from(encodeYaml(this.#plain(object, type)), 'utf8');
      case CBOR_TYPE: return encodeCbor(this.#plain(object, type));
      case PROTOBUF_TYPE:
        if (type !== undefined) return encodeProtobufObject(object, this.#plans.of(type));
        throw new TypeError('an object without a schema has no protobuf form');
      default: throw new TypeError(`no encoder for ${mediaType}`);
    }
  }

  /** Stored JSON of an object in another media type. */
  transcode(stored: Buffer, type: TypeSchema | undefined, mediaType: string): Buffer {
    if (mediaType === JSON_TYPE) return stored;
    const object = readAny(new JsonReader(stored.toString('utf8'))) as Record<string, unknown>;
    if (mediaType === PROTOBUF_TYPE || type === undefined) return this.encode(object, type, mediaType);
    return mediaType === YAML_TYPE ? Buffer.from(encodeYaml(object), 'utf8') : encodeCbor(object);
  }

  #plain(object: Readonly<Record<string, unknown>>, type: TypeSchema | undefined): unknown {
    const text = type === undefined ? encodeSorted(object) : encodeJson(object, this.#plans.of(type)).toString('utf8');
    return readAny(new JsonReader(text));
  }
}

/** A body whose media type has been dealt with. */
interface Source {
  /** JSON of the body; '' of other forms. */
  readonly text: string;
  /** @throws DecodeError when the body is malformed or says its kind in a wrong way. */
  interpret(): GroupVersionKind;
  decode(plans: TypePlans, type: TypeSchema, strict: boolean): DecodeOutcome;
  decodeUntyped(strict: boolean): DecodeOutcome;
}

function readSource(body: Buffer, mediaType: string): Source {
  if (mediaType === PROTOBUF_TYPE) return protobufSource(body);
  if (mediaType === CBOR_TYPE) return jsonSource(encodeSorted(decodeCbor(body)), []);
  if (!isUtf8(body)) throw new MalformedError("couldn't get version/kind; json parse error: invalid UTF-8 in the body");
  const text = body.toString('utf8');
  if (mediaType !== YAML_TYPE) return jsonSource(text, []);
  const { json, duplicates } = yamlToJson(text);
  return jsonSource(json, duplicates);
}

function jsonSource(text: string, duplicates: readonly string[]): Source {
  const withDuplicates = (outcome: DecodeOutcome, strict: boolean): DecodeOutcome =>
    (strict && duplicates.length > 0 ? { object: outcome.object, strictErrors: [...duplicates, ...outcome.strictErrors] } : outcome);
  return {
    text,
    interpret: () => interpretJson(text),
    decode: (plans, type, strict) => withDuplicates(decodeJson(text, plans.of(type), strict), strict),
    decodeUntyped: (strict) => withDuplicates(decodeUntypedJson(text, strict), strict),
  };
}

function protobufSource(body: Buffer): Source {
  const envelope = readEnvelope(body);
  return {
    text: '',
    interpret: () => {
      const gv = parseGroupVersion(envelope.apiVersion);
      if (gv === undefined) throw new DecodeError(groupVersionFault(envelope.apiVersion));
      return { ...gv, kind: envelope.kind };
    },
    decode: (plans, type) => ({ object: decodeProtobufObject(envelope, plans.of(type)), strictErrors: [] }),
    decodeUntyped: () => { throw new DecodeError('an object without a schema has no protobuf form'); },
  };
}

/** Reads the whole body for its form, and from it kind and apiVersion (whose names are found whatever their case, as upstream). */
export function interpretJson(text: string): GroupVersionKind {
  const found = { apiversion: '', kind: '' };
  let fault: DecodeError | undefined;
  try {
    const reader = new JsonReader(text);
    const root = reader.kind();
    if (root === 'object') {
      reader.enter();
      for (let first = true; reader.nextKey(first); first = false) {
        const name = reader.key().toLowerCase();
        if (name !== 'kind' && name !== 'apiversion') { reader.skip(); continue; }
        const kind = reader.kind();
        if (kind === 'string') { found[name] = reader.string(); continue; }
        reader.skip();
        if (kind !== 'null') fault ??= new DecodeError(`json: cannot unmarshal ${kind} into Go struct field .${name === 'kind' ? 'kind' : 'apiVersion'} of type string`);
      }
    } else {
      reader.skip();
      if (root !== 'null') fault = new DecodeError(`json: cannot unmarshal ${root} into Go value of type ${INTERPRETED_STRUCT}`);
    }
    reader.end();
    if (fault !== undefined) throw fault;
  } catch (error) {
    if (error instanceof DecodeError) throw new MalformedError(`couldn't get version/kind; json parse error: ${error.message}`);
    throw error;
  }
  const gv = parseGroupVersion(found.apiversion);
  if (gv === undefined) throw new MalformedError(groupVersionFault(found.apiversion));
  return { ...gv, kind: found.kind };
}

function decodeUntypedJson(text: string, strict: boolean): DecodeOutcome {
  const reader = new JsonReader(text);
  const strictErrors: string[] = [];
  const frames: (string | number)[] = [];
  const note = (kind: string, name: string): void => {
    const message = strictErrorText(kind, frames, name);
    if (!strictErrors.includes(message)) strictErrors.push(message);
  };
  const value = readAny(reader, strict ? { path: frames, note } : undefined);
  reader.end();
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new DecodeError(`json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type map[string]interface {}`);
  }
  return { object: (value ?? {}) as Record<string, unknown>, strictErrors };
}

function withDefaults(actual: GroupVersionKind, expected: GroupVersionKind): GroupVersionKind {
  const kind = actual.kind === '' ? expected.kind : actual.kind;
  if (actual.version === '' && (actual.group === '' || actual.group === expected.group)) {
    return { kind, group: expected.group, version: expected.version };
  }
  return { ...actual, kind };
}

function cannotBeHandled(actual: GroupVersionKind, expected: GroupVersionKind, fault: string): StatusError {
  return newBadRequest(`${actual.kind} in version ${quote(actual.version)} cannot be handled as a ${expected.kind}: ${fault}`);
}

function conversionFault(apiVersion: string, kind: string, expected: GroupVersionKind): string {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  const internalPackage = expected.group === '' ? 'core' : expected.group.replace(/\..*$/, '');
  return `converting (${version}.${kind}) to (${internalPackage}.${expected.kind}): unknown conversion`;
}

function checkVersion(actual: GroupVersionKind, expected: GroupVersionKind): void {
  const given = formatGroupVersion(actual.group, actual.version);
  const wanted = formatGroupVersion(expected.group, expected.version);
  if (given !== wanted) {
    throw newBadRequest(`the API version in the data (${given}) does not match the expected API version (${wanted})`);
  }
}

function decodedAs({ group, version, kind }: GroupVersionKind, { object, strictErrors }: DecodeOutcome, validation: FieldValidation): Decoded {
  object['apiVersion'] = formatGroupVersion(group, version);
  object['kind'] = kind;
  return { object, warnings: validation === 'Warn' ? strictErrors : [] };
}

function summarize(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const head = body.subarray(0, SUMMARY_BYTES);
  return `${body[0] === 0x7b ? head.toString('utf8') : head.toString('hex')}${body.length > SUMMARY_BYTES ? ' ...' : ''}`;
}
