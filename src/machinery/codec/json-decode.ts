/**
 * JSON text → object of a type, in one pass: checked, pruned and canonical.
 *
 * What comes out: only fields of the schema; null is absent; zero values of fields that are no pointers are absent where they
 * would not be stored; structs that are no pointers and required scalars are always there; quantities, times and base64 are in
 * canonical form. Two objects that are stored alike are therefore equal.
 *
 * Faults are upstream's: a malformed body first; then what a custom type refuses (quantity, time), which ends decoding; then the
 * first value of a wrong type. Unknown and duplicate fields are collected when `strict` is on and never stop anything here.
 */
import { canonicalBase64 } from './base64.ts';
import { fillZeros, isDropped, zeroOf, zeroStruct } from './canonical-zero.ts';
import { DecodeError } from './decode-error.ts';
import { STRICT_ERRORS_MAX, exactInt64, readAny, setOwn } from './json-any.ts';
import { JsonReader } from './json-reader.ts';
import type { TokenKind } from './json-reader.ts';
import { quote } from '../go-print.ts';
import { QuantityError, canonicalQuantity } from '../quantity.ts';
import { TimeError, canonicalMicroTime, canonicalTime } from '../time.ts';
import type { FieldPlan, TypePlan, ValuePlan } from './type-plan.ts';

export interface DecodeOutcome {
  readonly object: Record<string, unknown>;
  /** `unknown field "spec.foo"`, `duplicate field "kind"`: each once, in the order met. */
  readonly strictErrors: readonly string[];
  /** The root has a key that differs from `kind` or `apiVersion` by case only: other readers take it for that. */
  readonly hasOddTypeMeta?: boolean;
}

const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);

/** A value of the wrong type: what it is, and what it should be. */
interface TypeFault { readonly found: string; readonly goType: string }

/** @throws MalformedError, DecodeError */
export function decodeJson(text: string, plan: TypePlan, strict: boolean): DecodeOutcome {
  const reader = new JsonReader(text);
  const decoder = new TypedDecoder(reader, strict);
  let object: Record<string, unknown>;
  try {
    object = decoder.root(plan);
    reader.end();
  } catch (error) {
    throw error instanceof DecodeError ? malformedFirst(text, error) : error;
  }
  const fault = decoder.faultText();
  if (fault !== undefined) throw new DecodeError(fault);
  return { object, strictErrors: decoder.strictErrors, hasOddTypeMeta: decoder.hasOddTypeMeta };
}

/** A malformed body is said to be that, whatever else was found before its fault. */
function malformedFirst(text: string, error: DecodeError): DecodeError {
  const reader = new JsonReader(text);
  try {
    reader.skip();
    reader.end();
  } catch (malformed) {
    if (malformed instanceof DecodeError) return malformed;
    throw malformed;
  }
  return error;
}

class TypedDecoder {
  readonly strictErrors: string[] = [];
  hasOddTypeMeta = false;
  readonly #reader: JsonReader;
  readonly #strict: boolean;
  /** From the root to the value being read: fields, keys of maps, indices of lists. */
  readonly #frames: (FieldPlan | string | number)[] = [];
  #firstFault: { readonly text: string; readonly fault: TypeFault } | undefined;

  constructor(reader: JsonReader, strict: boolean) {
    this.#reader = reader;
    this.#strict = strict;
  }

  get fault(): TypeFault | undefined {
    return this.#firstFault?.fault;
  }

  faultText(): string | undefined {
    return this.#firstFault?.text;
  }

  /** null counts as an empty object. */
  root(plan: TypePlan): Record<string, unknown> {
    const kind = this.#reader.kind();
    if (kind === 'object') return this.#struct(plan, undefined);
    this.#reader.skip();
    if (kind !== 'null') this.#fault(kind, `v1.${plan.goName}`);
    return zeroStruct(plan);
  }

  /** @returns undefined for null. */
  #value(plan: ValuePlan, existing: unknown): unknown {
    const reader = this.#reader;
    const kind = reader.kind();
    if (kind === 'null') {
      reader.null();
      return undefined;
    }
    switch (plan.code) {
      case 'string':
        if (kind === 'string') return reader.string();
        break;
      case 'struct':
        if (kind === 'object') return this.#struct(plan.struct(), existing as Record<string, unknown> | undefined);
        break;
      case 'list':
        if (kind === 'array') return this.#list(plan.item!);
        break;
      case 'map':
        if (kind === 'object') return this.#map(plan.item!, existing as Record<string, unknown> | undefined);
        break;
      case 'bool':
        if (kind === 'bool') return reader.bool();
        break;
      case 'int32': case 'int64': case 'double':
        if (kind === 'number') return this.#number(plan);
        break;
      default:
        return this.#special(plan, kind);
    }
    reader.skip();
    this.#fault(kind, plan.goType);
    return undefined;
  }

  #struct(plan: TypePlan, existing: Record<string, unknown> | undefined): Record<string, unknown> {
    const reader = this.#reader;
    const out = existing ?? {};
    let seenLow = 0;
    let seenHigh = 0;
    reader.enter();
    for (let first = true; reader.nextKey(first); first = false) {
      const key = reader.key();
      const field = plan.fields.get(key);
      if (field === undefined) {
        if (this.#strict) this.#note('unknown field', key);
        if (this.#frames.length === 0 && /^(?:kind|apiversion)$/i.test(key)) this.hasOddTypeMeta = true;
        reader.skip();
        continue;
      }
      const bit = 1 << (field.index & 31);
      const duplicate = field.index < 32 ? (seenLow & bit) !== 0 : (seenHigh & bit) !== 0;
      if (field.index < 32) seenLow |= bit; else seenHigh |= bit;
      if (duplicate && this.#strict) this.#note('duplicate field', key);
      this.#frames.push(field);
      const value = this.#value(field.value, duplicate ? out[key] : undefined);
      this.#frames.pop();
      // Empty lists stay, for validation to tell them from absent ones; encoding does not.
      if (value === undefined || (!Array.isArray(value) && isDropped(value, field))) {
        if (duplicate) delete out[key];
      } else {
        out[key] = value;
      }
    }
    fillZeros(out, plan);
    return out;
  }

  #list(item: ValuePlan): unknown[] {
    const reader = this.#reader;
    const out: unknown[] = [];
    reader.enter();
    for (let first = true; reader.nextElement(first); first = false) {
      this.#frames.push(out.length);
      out.push(this.#value(item, undefined) ?? zeroOf(item));
      this.#frames.pop();
    }
    return out;
  }

  #map(item: ValuePlan, existing: Record<string, unknown> | undefined): Record<string, unknown> {
    const reader = this.#reader;
    const out = existing ?? {};
    const seen = this.#strict ? new Set<string>() : undefined;
    reader.enter();
    for (let first = true; reader.nextKey(first); first = false) {
      const key = reader.key();
      if (seen?.has(key)) this.#note('duplicate field', key);
      seen?.add(key);
      this.#frames.push(key);
      setOwn(out, key, this.#value(item, undefined) ?? zeroOf(item));
      this.#frames.pop();
    }
    return out;
  }

  #number(plan: ValuePlan): unknown {
    const text = this.#reader.number();
    const value = plan.code === 'double' ? finite(Number(text)) : plan.code === 'int32' ? int32(text) : exactInt64(text);
    if (value === undefined) this.#fault(`number ${text}`, plan.goType);
    return Object.is(value, -0) ? 0 : value;
  }

  /** Types that read themselves upstream: what they refuse ends decoding, but for base64. */
  #special(plan: ValuePlan, kind: TokenKind): unknown {
    const reader = this.#reader;
    switch (plan.code) {
      case 'Quantity': return this.#quantity(kind);
      case 'Time': return this.#time(kind, canonicalTime);
      case 'MicroTime': return this.#time(kind, canonicalMicroTime);
      case 'IntOrString': return this.#intOrString(kind);
      case 'bytes': return this.#bytes(kind, plan);
      case 'RawExtension': case 'JSON': case 'FieldsV1': return readAny(reader);
      default: return this.#schemaUnion(plan, kind);
    }
  }

  #quantity(kind: TokenKind): string {
    const reader = this.#reader;
    let text: string;
    if (kind === 'string') {
      text = reader.string();
    } else {
      const start = reader.pos;
      reader.skip();
      text = reader.text.slice(start, reader.pos);
    }
    try {
      return canonicalQuantity(text.trim());
    } catch (error) {
      throw error instanceof QuantityError ? new DecodeError(error.message) : error;
    }
  }

  #time(kind: TokenKind, canonical: (text: string) => string | undefined): string | undefined {
    if (kind !== 'string') throw this.#hardFault(kind, 'string');
    try {
      return canonical(this.#reader.string());
    } catch (error) {
      throw error instanceof TimeError ? new DecodeError(error.message) : error;
    }
  }

  #intOrString(kind: TokenKind): string | number {
    if (kind === 'string') return this.#reader.string();
    if (kind !== 'number') throw this.#hardFault(kind, 'int32');
    const text = this.#reader.number();
    const value = int32(text);
    if (value === undefined) throw this.#hardFault(`number ${text}`, 'int32');
    return Object.is(value, -0) ? 0 : value;
  }

  #bytes(kind: TokenKind, plan: ValuePlan): string | undefined {
    const reader = this.#reader;
    if (kind === 'array') return this.#byteList();
    if (kind !== 'string') {
      reader.skip();
      this.#fault(kind, plan.goType);
      return undefined;
    }
    try {
      return canonicalBase64(reader.string());
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#firstFault ??= { text: error.message, fault: { found: kind, goType: plan.goType } };
      return undefined;
    }
  }

  /** Go reads a list of small numbers as bytes too. */
  #byteList(): string {
    const reader = this.#reader;
    const bytes: number[] = [];
    reader.enter();
    for (let first = true; reader.nextElement(first); first = false) {
      const kind = reader.kind();
      const start = reader.pos;
      reader.skip();
      const text = reader.text.slice(start, reader.pos);
      const isByte = kind === 'number' && /^\d{1,3}$/.test(text) && Number(text) <= 255;
      if (!isByte && kind !== 'null') this.#fault(kind === 'number' ? `number ${text}` : kind, 'uint8');
      bytes.push(isByte ? Number(text) : 0);
    }
    return Buffer.from(bytes).toString('base64');
  }

  /** A schema, or else a boolean, a list of schemas or of texts. Unknown fields inside are upstream's blind spot. */
  #schemaUnion(plan: ValuePlan, kind: TokenKind): unknown {
    const reader = this.#reader;
    const nested = new TypedDecoder(reader, false);
    let out: unknown;
    if (kind === 'object') {
      out = nested.#struct(plan.struct(), undefined);
    } else if (plan.code === 'JSONSchemaPropsOrBool') {
      if (kind !== 'bool') throw new DecodeError('boolean or JSON schema expected');
      return reader.bool();
    } else if (kind === 'array') {
      const item: ValuePlan = plan.code === 'JSONSchemaPropsOrArray'
        ? { code: 'struct', goType: 'v1.JSONSchemaProps', item: undefined, struct: plan.struct }
        : { code: 'string', goType: 'string', item: undefined, struct: plan.struct };
      out = nested.#list(item);
    } else {
      reader.skip();
    }
    if (nested.fault !== undefined) throw this.#hardFault(nested.fault.found, nested.fault.goType);
    return out;
  }

  #fault(found: string, goType: string): void {
    this.#firstFault ??= { text: this.#faultText(found, goType), fault: { found, goType } };
  }

  #hardFault(found: string, goType: string): DecodeError {
    return new DecodeError(this.#faultText(found, goType));
  }

  #faultText(found: string, goType: string): string {
    const fields = this.#frames.filter((frame) => typeof frame === 'object');
    const place = fields.length === 0 ? 'value' : `struct field ${fields.at(-1)!.owner}.${fields.map((field) => field.goName).join('.')}`;
    return `json: cannot unmarshal ${found} into Go ${place} of type ${goType}`;
  }

  #note(kind: string, name: string): void {
    if (this.strictErrors.length >= STRICT_ERRORS_MAX) return;
    const text = strictErrorText(kind, this.#frames.map((frame) => (typeof frame === 'object' ? frame.name : frame)), name);
    if (!this.strictErrors.includes(text)) this.strictErrors.push(text);
  }
}

/** `unknown field "spec.containers[0].foo"`. */
export function strictErrorText(kind: string, frames: readonly (string | number)[], name: string): string {
  let place = '';
  for (const frame of frames) place += typeof frame === 'number' ? `[${frame}]` : place === '' ? frame : `.${frame}`;
  return `${kind} ${quote(place === '' ? name : `${place}.${name}`)}`;
}

function int32(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= INT32_MIN && value <= INT32_MAX ? value : undefined;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
