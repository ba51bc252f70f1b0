/**
 * Writes JSON documents as protobuf messages of gnostic's OpenAPI definitions, by a table that says how the JSON of each message maps
 * to its fields.
 */
import { ProtoWriter, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from '#machinery/codec/protobuf-wire';
import { encodeYaml } from '#machinery/codec/yaml';

export type Json = Readonly<Record<string, unknown>>;

/** Number, key in JSON, type; `[]` repeats, `{}` repeats name–value pairs of an object. */
export type FieldSpec = readonly [number: number, key: string, type: string];

/** All keys that start with `x-`. */
export const EXTENSIONS = '*extensions';
/** The object itself is the field. */
export const SELF = '*self';

/** The fields of a message; of some they hang on what the value is. */
export type FieldsFor = (message: string, value: unknown) => readonly FieldSpec[];

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class MessageWriter {
  readonly #fieldsFor: FieldsFor;

  constructor(fieldsFor: FieldsFor) { this.#fieldsFor = fieldsFor; }

  /** One field of a document, as bytes. */
  field(number: number, value: unknown, type: string): Buffer {
    const writer = new ProtoWriter();
    this.#single(writer, number, value, type);
    return writer.finish();
  }

  /** A named value as one of the pairs that a message is a list of. */
  pair(number: number, name: string, value: unknown, type: string): Buffer {
    const writer = new ProtoWriter();
    this.#pair(writer, number, name, value, type);
    return writer.finish();
  }

  #message(writer: ProtoWriter, value: unknown, message: string): void {
    const fields = [...this.#fieldsFor(message, value)].sort((a, b) => b[0] - a[0]);
    for (const [number, key, type] of fields) {
      const part = key === SELF ? value : key === EXTENSIONS ? extensionsOf(value as Json) : (value as Json)[key];
      if (part !== undefined) this.#field(writer, number, part, type);
    }
  }

  #field(writer: ProtoWriter, number: number, value: unknown, type: string): void {
    if (type.endsWith('[]')) {
      for (const item of (value as readonly unknown[]).toReversed()) this.#single(writer, number, item, type.slice(0, -2));
    } else if (type.endsWith('{}')) {
      for (const name of Object.keys(value as Json).sort().reverse()) this.#pair(writer, number, name, (value as Json)[name], type.slice(0, -2));
    } else {
      this.#single(writer, number, value, type);
    }
  }

  #pair(writer: ProtoWriter, number: number, name: string, value: unknown, type: string): void {
    const before = writer.size;
    this.#single(writer, 2, value, type);
    this.#single(writer, 1, name, 'string');
    writer.header(number, before);
  }

  #single(writer: ProtoWriter, number: number, value: unknown, type: string): void {
    if (type === 'bool' || type === 'int') {
      writer.varint(type === 'int' ? value as number : value === true ? 1 : 0);
      writer.tag(number, WIRE_VARINT);
    } else if (type === 'double') {
      writer.double(value as number);
      writer.tag(number, WIRE_FIXED64);
    } else {
      const before = writer.size;
      if (type === 'string') writer.text(String(value));
      else if (type === 'Any') this.#single(writer, 2, encodeYaml(value), 'string');
      else this.#message(writer, value, type);
      writer.header(number, before);
    }
  }
}

/** A field that holds what is already encoded. */
export function lengthDelimited(field: number, parts: readonly Buffer[]): Buffer[] {
  const writer = new ProtoWriter();
  writer.varint(parts.reduce((sum, part) => sum + part.length, 0));
  writer.tag(field, WIRE_BYTES);
  return [writer.finish(), ...parts];
}

function extensionsOf(value: Json): Json | undefined {
  const entries = Object.entries(value).filter(([key]) => key.startsWith('x-'));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
