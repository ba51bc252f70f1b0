/**
 * Kubernetes' protobuf envelope: four magic bytes, then a message with apiVersion, kind and the object's bytes. A watch sends
 * events, each with its length before it.
 *
 *     k8s\0 Unknown{1: {1: apiVersion, 2: kind}, 2: raw, 3: contentEncoding, 4: contentType}
 */
import { DecodeError, MalformedError } from './decode-error.ts';
import { decodeProtobuf } from './protobuf-decode.ts';
import { encodeProtobuf } from './protobuf-encode.ts';
import { ProtoReader, ProtoWriter, WIRE_BYTES } from './protobuf-wire.ts';
import type { TypePlan } from './type-plan.ts';

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
}

/** @throws MalformedError */
export function readEnvelope(bytes: Buffer): Envelope {
  if (bytes.length === 0) throw new MalformedError('empty data');
  if (!bytes.subarray(0, 4).equals(MAGIC)) {
    throw new MalformedError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  if (bytes.length === 4) throw new MalformedError('empty body');
  let apiVersion = '';
  let kind = '';
  let raw = Buffer.alloc(0);
  const reader = new ProtoReader(bytes, 4);
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === WIRE_BYTES) {
      const meta = reader.message();
      while (!meta.done) {
        const tag = meta.tag();
        if (tag.field === 1 && tag.wireType === WIRE_BYTES) apiVersion = meta.text();
        else if (tag.field === 2 && tag.wireType === WIRE_BYTES) kind = meta.text();
        else meta.skip(tag.wireType);
      }
    } else if (field === 2 && wireType === WIRE_BYTES) {
      raw = Buffer.from(reader.bytes());
    } else {
      reader.skip(wireType);
    }
  }
  return { apiVersion, kind, raw };
}

function writeEnvelope(envelope: Envelope): Buffer {
  const writer = new ProtoWriter();
  const field = (number: number, write: () => void): void => {
    const before = writer.size;
    write();
    writer.header(number, before);
  };
  field(4, () => writer.text(''));
  field(3, () => writer.text(''));
  field(2, () => writer.bytes(envelope.raw));
  field(1, () => {
    field(2, () => writer.text(envelope.kind));
    field(1, () => writer.text(envelope.apiVersion));
  });
  writer.bytes(MAGIC);
  return writer.finish();
}

/** @throws DecodeError */
export function decodeProtobufObject(envelope: Envelope, plan: TypePlan): Record<string, unknown> {
  try {
    return decodeProtobuf(envelope.raw, plan);
  } catch (error) {
    throw error instanceof MalformedError ? new DecodeError(error.message) : error;
  }
}

export function encodeProtobufObject(object: Readonly<Record<string, unknown>>, plan: TypePlan): Buffer {
  return writeEnvelope({
    apiVersion: String(object['apiVersion'] ?? ''), kind: String(object['kind'] ?? ''), raw: encodeProtobuf(object, plan),
  });
}

/** One frame of a watch: the length (four bytes, big endian), then WatchEvent{1: type, 2: {1: raw}}. @param object with its envelope. */
export function protobufWatchFrame(type: string, object: Buffer): Buffer {
  const writer = new ProtoWriter();
  writer.bytes(object);
  writer.header(1, 0);
  writer.header(2, 0);
  const before = writer.size;
  writer.text(type);
  writer.header(1, before);
  const event = writer.finish();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}
