/**
 * Frames of SPDY/3.1, and their reader.
 *
 *     data     |0| stream id (31)        | flags (8) | length (24) | bytes
 *     control  |1| version (15) type (16) | flags (8) | length (24) | …
 */
import { SpdyProtocolError } from './header-codec.ts';

const VERSION = 3;
/** A larger frame ends the connection. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
export const FLAG_FIN = 0x01;

export type Frame =
  | { readonly kind: 'data'; readonly streamId: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly kind: 'syn-stream'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'syn-reply' | 'headers'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'rst-stream'; readonly streamId: number; readonly code: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'go-away'; readonly lastStreamId: number }
  /** Settings, window updates: nothing to do here. */
  | { readonly kind: 'other' };

const TYPE = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;

function control(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(payload.length, 4);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, payload]);
}

export function dataFrame(streamId: number, data: Buffer, fin: boolean): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(streamId & 0x7fffffff, 0);
  head.writeUInt32BE(data.length, 4);
  head.writeUInt8(fin ? FLAG_FIN : 0, 4);
  return Buffer.concat([head, data]);
}

export function synStreamFrame(streamId: number, block: Buffer, fin: boolean): Buffer {
  const payload = Buffer.alloc(10 + block.length);
  payload.writeUInt32BE(streamId & 0x7fffffff, 0);
  block.copy(payload, 10);
  return control(TYPE.synStream, fin ? FLAG_FIN : 0, payload);
}

export function synReplyFrame(streamId: number, block: Buffer, fin: boolean): Buffer {
  const payload = Buffer.alloc(4 + block.length);
  payload.writeUInt32BE(streamId & 0x7fffffff, 0);
  block.copy(payload, 4);
  return control(TYPE.synReply, fin ? FLAG_FIN : 0, payload);
}

export function rstStreamFrame(streamId: number, code: number): Buffer {
  return control(TYPE.rstStream, 0, twoWords(streamId, code));
}

export function pingFrame(id: number): Buffer {
  return control(TYPE.ping, 0, twoWords(id).subarray(0, 4));
}

export function goAwayFrame(lastStreamId: number): Buffer {
  return control(TYPE.goAway, 0, twoWords(lastStreamId, 0));
}

function twoWords(first: number, second = 0): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(first >>> 0, 0);
  payload.writeUInt32BE(second >>> 0, 4);
  return payload;
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  #pending: Buffer[] = [];
  #bytes = 0;

  /** @throws SpdyProtocolError for another version or an oversized frame. */
  push(chunk: Buffer): Frame[] {
    this.#pending.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#bytes < 8) return frames;
      const head = this.#gather(8);
      const length = head.readUInt32BE(4) & 0xffffff;
      if (length > FRAME_BYTES_MAX) throw new SpdyProtocolError(`frame of ${length} bytes, at most ${FRAME_BYTES_MAX}`);
      if (this.#bytes < 8 + length) return frames;
      const whole = this.#take(8 + length);
      frames.push(parseFrame(whole));
    }
  }

  /** The first pending buffer, made to hold at least `length` bytes. */
  #gather(length: number): Buffer {
    if (this.#pending[0]!.length < length) this.#pending = [Buffer.concat(this.#pending)];
    return this.#pending[0]!;
  }

  #take(length: number): Buffer {
    const first = this.#gather(length);
    this.#bytes -= length;
    if (first.length === length) this.#pending.shift(); else this.#pending[0] = first.subarray(length);
    return first.subarray(0, length);
  }
}

function parseFrame(frame: Buffer): Frame {
  const word = frame.readUInt32BE(0);
  const fin = (frame[4]! & FLAG_FIN) !== 0;
  const payload = frame.subarray(8);
  if ((word & 0x80000000) === 0) return { kind: 'data', streamId: word, fin, data: payload };
  if (((word >>> 16) & 0x7fff) !== VERSION) throw new SpdyProtocolError(`SPDY version ${(word >>> 16) & 0x7fff}, only ${VERSION} is spoken`);
  const type = word & 0xffff;
  const need = (bytes: number): void => { if (payload.length < bytes) throw new SpdyProtocolError('control frame too short'); };
  switch (type) {
    case TYPE.synStream: need(10); return { kind: 'syn-stream', streamId: payload.readUInt32BE(0) & 0x7fffffff, fin, block: payload.subarray(10) };
    case TYPE.synReply: need(4); return { kind: 'syn-reply', streamId: payload.readUInt32BE(0) & 0x7fffffff, fin, block: payload.subarray(4) };
    case TYPE.headers: need(4); return { kind: 'headers', streamId: payload.readUInt32BE(0) & 0x7fffffff, fin, block: payload.subarray(4) };
    case TYPE.rstStream: need(8); return { kind: 'rst-stream', streamId: payload.readUInt32BE(0) & 0x7fffffff, code: payload.readUInt32BE(4) };
    case TYPE.ping: need(4); return { kind: 'ping', id: payload.readUInt32BE(0) };
    case TYPE.goAway: need(4); return { kind: 'go-away', lastStreamId: payload.readUInt32BE(0) & 0x7fffffff };
    default: return { kind: 'other' };
  }
}
