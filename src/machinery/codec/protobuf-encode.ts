/**
 * Object of a type → protobuf, byte for byte as upstream's generated code writes it: fields by number, zero values of fields that
 * are no pointers included, keys of maps sorted.
 */
import { parseTime } from '../time.ts';
import { encodeAny } from './json-encode.ts';
import { protoNodeOf } from './protobuf-plan.ts';
import type { ProtoNode } from './protobuf-plan.ts';
import { ProtoWriter, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from './protobuf-wire.ts';
import type { FieldPlan, TypePlan, ValuePlan } from './type-plan.ts';

type Json = Readonly<Record<string, unknown>>;

export function encodeProtobuf(object: Json, plan: TypePlan): Buffer {
  const writer = new ProtoWriter();
  writeNode(writer, object, protoNodeOf(plan));
  return writer.finish();
}

function writeNode(writer: ProtoWriter, object: Json, node: ProtoNode): void {
  for (const entry of node.descending) {
    if (entry.field !== undefined) {
      writeField(writer, entry.number, object[entry.field.name], entry.field);
      continue;
    }
    const before = writer.size;
    writeNode(writer, object, entry.embedded);
    writer.header(entry.number, before);
  }
}

function writeField(writer: ProtoWriter, number: number, value: unknown, field: FieldPlan): void {
  const plan = field.value;
  if (plan.code === 'list') {
    const list = (value ?? []) as readonly unknown[];
    for (let index = list.length - 1; index >= 0; index--) writeValue(writer, number, list[index], plan.item!);
    return;
  }
  if (plan.code === 'map') {
    writeMap(writer, number, (value ?? {}) as Json, plan.item!);
    return;
  }
  const isSet = value !== undefined && value !== null;
  if (!isSet && (field.pointer || plan.code === 'bytes')) return;
  writeValue(writer, number, value, plan);
}

function writeMap(writer: ProtoWriter, number: number, map: Json, item: ValuePlan): void {
  const keys = Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const key of keys.reverse()) {
    const before = writer.size;
    const value = map[key];
    if (item.code === 'list') {
      const wrapper = writer.size;
      const list = (value ?? []) as readonly unknown[];
      for (let index = list.length - 1; index >= 0; index--) writeValue(writer, 1, list[index], item.item!);
      writer.header(2, wrapper);
    } else if (item.code !== 'bytes' || (value !== null && value !== '')) {
      writeValue(writer, 2, value, item);
    }
    writeText(writer, 1, key);
    writer.header(number, before);
  }
}

function writeText(writer: ProtoWriter, number: number, text: string): void {
  const before = writer.size;
  writer.text(text);
  writer.header(number, before);
}

function writeVarint(writer: ProtoWriter, number: number, value: number | bigint): void {
  writer.varint(value);
  writer.tag(number, WIRE_VARINT);
}

/** Absent values are written as zero: the caller leaves out what may be left out. */
function writeValue(writer: ProtoWriter, number: number, value: unknown, plan: ValuePlan): void {
  switch (plan.code) {
    case 'string': writeText(writer, number, (value ?? '') as string); return;
    case 'bool': writeVarint(writer, number, value ? 1 : 0); return;
    case 'int32': case 'int64': writeVarint(writer, number, (value ?? 0) as number); return;
    case 'double':
      writer.double((value ?? 0) as number);
      writer.tag(number, WIRE_FIXED64);
      return;
    case 'bytes': {
      const bytes = Buffer.from((value ?? '') as string, 'base64');
      writer.bytes(bytes);
      writer.varint(bytes.length);
      writer.tag(number, WIRE_BYTES);
      return;
    }
    default: {
      const before = writer.size;
      writeMessage(writer, value, plan);
      writer.header(number, before);
    }
  }
}

function writeMessage(writer: ProtoWriter, value: unknown, plan: ValuePlan): void {
  switch (plan.code) {
    case 'struct': writeNode(writer, (value ?? {}) as Json, protoNodeOf(plan.struct())); return;
    case 'Quantity': writeText(writer, 1, (value ?? '0') as string); return;
    case 'Time': case 'MicroTime':
      if (typeof value === 'string') writeTimestamp(writer, value, plan.code === 'MicroTime');
      return;
    case 'IntOrString':
      writeText(writer, 3, typeof value === 'string' ? value : '');
      writeVarint(writer, 2, typeof value === 'number' ? value : 0);
      writeVarint(writer, 1, typeof value === 'string' ? 1 : 0);
      return;
    case 'RawExtension': case 'JSON': case 'FieldsV1':
      if (value !== undefined && value !== null) writeText(writer, 1, encodeAny(value));
      return;
    default: writeSchemaUnion(writer, value, plan);
  }
}

function writeTimestamp(writer: ProtoWriter, text: string, micro: boolean): void {
  const seconds = Math.floor(parseTime(text) / 1000);
  writeVarint(writer, 2, micro ? Number(/\.(\d{6})/.exec(text)?.[1] ?? 0) * 1000 : 0);
  writeVarint(writer, 1, seconds);
}

/** JSONSchemaPropsOr…: 1 the schema (or the boolean), 2 the other form. */
function writeSchemaUnion(writer: ProtoWriter, value: unknown, plan: ValuePlan): void {
  const schema: ValuePlan = { code: 'struct', goType: '', item: undefined, struct: plan.struct };
  const isSchema = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (plan.code === 'JSONSchemaPropsOrBool') {
    if (isSchema) writeValue(writer, 2, value, schema);
    writeVarint(writer, 1, value === true || isSchema ? 1 : 0);
    return;
  }
  if (Array.isArray(value)) {
    const item: ValuePlan = plan.code === 'JSONSchemaPropsOrStringArray' ? { ...schema, code: 'string' } : schema;
    for (const element of value.toReversed()) writeValue(writer, 2, element, item);
  } else if (isSchema) {
    writeValue(writer, 1, value, schema);
  }
}
