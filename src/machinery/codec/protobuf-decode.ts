/**
 * Protobuf → object of a type, in the same canonical form that JSON gives: zero values of fields that are no pointers are absent
 * where they would not be stored, unknown fields are passed over.
 */
import { QuantityError, canonicalQuantity } from '../quantity.ts';
import { formatTime } from '../time.ts';
import { DecodeError, MalformedError } from './decode-error.ts';
import { readAny, setOwn } from './json-any.ts';
import { fillZeros, isDropped, zeroOf } from './canonical-zero.ts';
import { KEPT_DEPTH_MAX, JsonReader } from './json-reader.ts';
import { protoNodeOf } from './protobuf-plan.ts';
import type { ProtoNode } from './protobuf-plan.ts';
import { ProtoReader, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from './protobuf-wire.ts';
import type { TypePlan, ValuePlan } from './type-plan.ts';

type JsonObject = Record<string, unknown>;

/** Seconds of Go's zero time, and of the year 10000. */
const ZERO_TIME_SECONDS = -62_135_596_800;
const END_OF_TIME_SECONDS = 253_402_300_800;

/** @throws MalformedError, DecodeError */
export function decodeProtobuf(bytes: Buffer, plan: TypePlan): JsonObject {
  return readMessage(new ProtoReader(bytes), plan, 0);
}

function readMessage(reader: ProtoReader, plan: TypePlan, depth: number): JsonObject {
  const out: JsonObject = {};
  readNode(reader, protoNodeOf(plan), out, depth);
  for (const field of plan.ordered) {
    const value = out[field.name];
    if (value !== undefined && isDropped(value, field)) delete out[field.name];
  }
  fillZeros(out, plan);
  return out;
}

function readNode(reader: ProtoReader, node: ProtoNode, out: JsonObject, depth: number): void {
  if (depth > KEPT_DEPTH_MAX) throw new MalformedError('proto: exceeded max depth');
  while (!reader.done) {
    const { field: number, wireType } = reader.tag();
    const entry = node.byNumber.get(number);
    if (entry === undefined) { reader.skip(wireType); continue; }
    if (entry.field === undefined) {
      expectWire(wireType, WIRE_BYTES, 'embedded message');
      readNode(reader.message(), entry.embedded, out, depth + 1);
      continue;
    }
    const { name, value: plan } = entry.field;
    if (plan.code === 'list') readItems(reader, wireType, plan.item!, (out[name] ??= []) as unknown[], name, depth);
    else if (plan.code === 'map') readEntry(reader, wireType, plan.item!, (out[name] ??= {}) as JsonObject, depth);
    else {
      const value = readValue(reader, wireType, plan, name, depth);
      if (value === undefined) delete out[name];
      else out[name] = value;
    }
  }
}

function expectWire(wireType: number, expected: number, name: string): void {
  if (wireType !== expected) throw new MalformedError(`proto: wrong wireType = ${wireType} for field ${name.charAt(0).toUpperCase()}${name.slice(1)}`);
}

function readItems(reader: ProtoReader, wireType: number, item: ValuePlan, list: unknown[], name: string, depth: number): void {
  const isNumeric = item.code === 'int32' || item.code === 'int64' || item.code === 'bool' || item.code === 'double';
  if (!isNumeric || wireType !== WIRE_BYTES) {
    list.push(readValue(reader, wireType, item, name, depth) ?? zeroOf(item));
    return;
  }
  const packed = reader.message();
  const itemWire = item.code === 'double' ? WIRE_FIXED64 : WIRE_VARINT;
  while (!packed.done) list.push(readValue(packed, itemWire, item, name, depth) ?? zeroOf(item));
}

function readEntry(reader: ProtoReader, wireType: number, item: ValuePlan, map: JsonObject, depth: number): void {
  expectWire(wireType, WIRE_BYTES, 'map');
  const entry = reader.message();
  let key = '';
  let value: unknown;
  while (!entry.done) {
    const tag = entry.tag();
    if (tag.field === 1) {
      expectWire(tag.wireType, WIRE_BYTES, 'key');
      key = text(entry);
    } else if (tag.field !== 2) {
      entry.skip(tag.wireType);
    } else if (item.code === 'list') {
      expectWire(tag.wireType, WIRE_BYTES, 'value');
      value = readWrappedList(entry.message(), item.item!, depth);
    } else {
      value = readValue(entry, tag.wireType, item, 'value', depth);
    }
  }
  setOwn(map, key, value ?? (item.code === 'bytes' ? '' : zeroOf(item)));
}

function readWrappedList(reader: ProtoReader, item: ValuePlan, depth: number): unknown[] {
  const list: unknown[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag.field === 1) readItems(reader, tag.wireType, item, list, 'items', depth);
    else reader.skip(tag.wireType);
  }
  return list;
}

/** @returns undefined for what JSON calls null. */
function readValue(reader: ProtoReader, wireType: number, plan: ValuePlan, name: string, depth: number): unknown {
  switch (plan.code) {
    case 'string': expectWire(wireType, WIRE_BYTES, name); return text(reader);
    case 'bool': expectWire(wireType, WIRE_VARINT, name); return reader.bool();
    case 'int32': expectWire(wireType, WIRE_VARINT, name); return int32(reader.integer());
    case 'int64': expectWire(wireType, WIRE_VARINT, name); return reader.integer();
    case 'double': expectWire(wireType, WIRE_FIXED64, name); return finite(reader.double());
    case 'bytes': expectWire(wireType, WIRE_BYTES, name); return reader.bytes().toString('base64');
    default: break;
  }
  expectWire(wireType, WIRE_BYTES, name);
  const message = reader.message();
  switch (plan.code) {
    case 'struct': return readMessage(message, plan.struct(), depth + 1);
    case 'Quantity': return quantity(fieldsOf(message).get(1));
    case 'Time': case 'MicroTime': return timestamp(fieldsOf(message), plan.code === 'MicroTime');
    case 'IntOrString': return intOrString(fieldsOf(message));
    case 'RawExtension': case 'JSON': case 'FieldsV1': return rawJson(fieldsOf(message).get(1));
    default: return schemaUnion(message, plan, depth + 1);
  }
}

/** The lower half, as Go converts. */
function int32(value: number | bigint): number {
  return typeof value === 'number' && value === (value | 0) ? value : Number(BigInt.asIntN(32, BigInt(value)));
}

function text(reader: ProtoReader): string {
  return reader.text();
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new DecodeError(`json: unsupported value: ${value}`);
  return value;
}

/** Of a small message: its last values by number. */
function fieldsOf(reader: ProtoReader): Map<number, Buffer | number | bigint> {
  const out = new Map<number, Buffer | number | bigint>();
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === WIRE_BYTES) out.set(field, reader.bytes());
    else if (wireType === WIRE_VARINT) out.set(field, reader.integer());
    else reader.skip(wireType);
  }
  return out;
}

function quantity(value: Buffer | number | bigint | undefined): string {
  try {
    return canonicalQuantity(Buffer.isBuffer(value) ? value.toString('utf8') : '0');
  } catch (error) {
    throw error instanceof QuantityError ? new DecodeError(error.message) : error;
  }
}

function timestamp(fields: ReadonlyMap<number, unknown>, micro: boolean): string | undefined {
  if (fields.size === 0) return undefined;
  const seconds = Number(fields.get(1) ?? 0);
  const nanos = Number(fields.get(2) ?? 0);
  if (seconds < ZERO_TIME_SECONDS || seconds >= END_OF_TIME_SECONDS || nanos < 0 || nanos > 999_999_999) {
    throw new DecodeError('Time.MarshalJSON: year outside of range [0,9999]');
  }
  if (seconds === ZERO_TIME_SECONDS && nanos === 0) return undefined;
  const formatted = formatTime(seconds * 1000);
  return micro ? `${formatted.slice(0, -1)}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : formatted;
}

function intOrString(fields: ReadonlyMap<number, Buffer | number | bigint>): string | number {
  const string = fields.get(3);
  if (Number(fields.get(1) ?? 0) === 1) return Buffer.isBuffer(string) ? string.toString('utf8') : '';
  return int32((fields.get(2) ?? 0) as number | bigint);
}

function rawJson(raw: Buffer | number | bigint | undefined): unknown {
  if (!Buffer.isBuffer(raw) || raw.length === 0) return undefined;
  const reader = new JsonReader(raw.toString('utf8'));
  const value = readAny(reader);
  reader.end();
  return value ?? undefined;
}

function schemaUnion(reader: ProtoReader, plan: ValuePlan, depth: number): unknown {
  let allows = false;
  let schema: unknown;
  const list: unknown[] = [];
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (plan.code === 'JSONSchemaPropsOrBool' && field === 1) allows = reader.bool();
    else if (plan.code === 'JSONSchemaPropsOrStringArray' && field === 2) list.push(text(reader));
    else if (field === 2 && plan.code === 'JSONSchemaPropsOrArray') list.push(readMessage(reader.message(), plan.struct(), depth));
    else if (field === 1 || field === 2) schema = readMessage(reader.message(), plan.struct(), depth);
    else reader.skip(wireType);
  }
  if (schema !== undefined) return schema;
  if (plan.code === 'JSONSchemaPropsOrBool') return allows;
  return list.length > 0 ? list : undefined;
}
