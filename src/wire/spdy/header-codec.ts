/**
 * Header blocks of SPDY/3.1: name-value pairs, compressed with one zlib stream per direction for the life of a connection.
 *
 * Blocks must pass in the order of their frames: both functions queue.
 */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { SPDY_DICTIONARY } from './dictionary.ts';

export type SpdyHeaders = Readonly<Record<string, string>>;

/** A larger block is an attack or a mistake. */
export const HEADER_BLOCK_BYTES_MAX = 256 * 1024;
const HEADERS_MAX = 256;

export class SpdyProtocolError extends Error {}

export class HeaderCompressor {
  readonly #deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY });
  readonly #chunks: Buffer[] = [];
  #tail: Promise<unknown> = Promise.resolve();

  constructor() { this.#deflate.on('data', (chunk: Buffer) => this.#chunks.push(chunk)); }

  compress(headers: SpdyHeaders): Promise<Buffer> {
    const result = this.#tail.then(() => new Promise<Buffer>((resolve, reject) => {
      this.#deflate.once('error', reject);
      this.#deflate.write(encodeHeaders(headers));
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#deflate.off('error', reject);
        resolve(Buffer.concat(this.#chunks.splice(0)));
      });
    }));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  close(): void { this.#deflate.close(); }
}

export class HeaderDecompressor {
  readonly #inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY });
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => { this.#chunks.push(chunk); this.#bytes += chunk.length; });
  }

  /** @throws SpdyProtocolError for a block that is damaged or too large. */
  decompress(block: Buffer): Promise<SpdyHeaders> {
    const result = this.#tail.then(() => new Promise<SpdyHeaders>((resolve, reject) => {
      const fail = (error: Error): void => reject(new SpdyProtocolError(`damaged header block: ${error.message}`));
      this.#inflate.once('error', fail);
      this.#inflate.write(block);
      this.#inflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#inflate.off('error', fail);
        const bytes = this.#bytes;
        this.#bytes = 0;
        const plain = Buffer.concat(this.#chunks.splice(0));
        if (bytes > HEADER_BLOCK_BYTES_MAX) { reject(new SpdyProtocolError(`header block over ${HEADER_BLOCK_BYTES_MAX} bytes`)); return; }
        try {
          resolve(decodeHeaders(plain));
        } catch (error) {
          reject(error as Error);
        }
      });
    }));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  close(): void { this.#inflate.close(); }
}

/** count, then (length, name, length, value) each; names in lower case. */
export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts: Buffer[] = [uint32(entries.length)];
  for (const [name, value] of entries) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text);
      parts.push(uint32(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

export function decodeHeaders(block: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new SpdyProtocolError('header block ends early');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > block.length) throw new SpdyProtocolError('header block ends early');
    at += length;
    return block.toString('utf8', at - length, at);
  };
  const count = number();
  if (count > HEADERS_MAX) throw new SpdyProtocolError(`more than ${HEADERS_MAX} headers`);
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i < count; i++) headers[text()] = text();
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
