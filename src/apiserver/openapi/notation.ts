/**
 * The two notations of a document's named pieces, and a document as the pieces it is made of.
 *
 * A piece is encoded once and shared by all documents that hold it; a document is never copied together.
 */
import { nextTurn } from '#base/turn';
import type { JsonObject } from './definitions.ts';

export type Section = 'path' | 'definition' | 'parameter';

/** A path, definition or parameter, encoded with its name. */
export interface Piece { readonly name: string; readonly bytes: Buffer }

export interface DocumentPieces {
  readonly paths: readonly Piece[];
  readonly definitions: readonly Piece[];
  readonly parameters: readonly Piece[];
}

export interface Notation {
  pair(section: Section, name: string, value: JsonObject): Buffer;
}

export const JSON_NOTATION: Notation = {
  pair: (_section, name, value) => Buffer.from(`${JSON.stringify(name)}:${JSON.stringify(value)}`),
};

/** What is sent at a time. */
const CHUNK_BYTES = 64 * 1024;

/** Bytes in parts. */
export class DocumentBytes {
  readonly #parts: readonly Buffer[];
  readonly length: number;

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
    this.length = parts.reduce((sum, part) => sum + part.length, 0);
  }

  whole(): Buffer { return Buffer.concat(this.#parts, this.length); }

  /** For an answer: whole when it is small. */
  body(): Buffer | AsyncIterable<Buffer> {
    return this.length <= CHUNK_BYTES ? this.whole() : this.#chunks();
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    let waiting: Buffer[] = [];
    let size = 0;
    for (const part of this.#parts) {
      waiting.push(part);
      size += part.length;
      if (size < CHUNK_BYTES) continue;
      yield Buffer.concat(waiting, size);
      waiting = [];
      size = 0;
      await nextTurn();
    }
    if (size > 0) yield Buffer.concat(waiting, size);
  }
}

const COMMA = Buffer.from(',');

/** `{…}` of named pieces, by name. */
export function jsonObjectOf(pieces: readonly Piece[]): Buffer[] {
  const parts: Buffer[] = [Buffer.from('{')];
  for (const [index, bytes] of bytesOf(pieces).entries()) {
    if (index > 0) parts.push(COMMA);
    parts.push(bytes);
  }
  parts.push(Buffer.from('}'));
  return parts;
}

/** By name. */
export function bytesOf(pieces: readonly Piece[]): Buffer[] {
  return inOrder(pieces).map(({ bytes }) => bytes);
}

function inOrder(pieces: readonly Piece[]): Piece[] {
  return [...pieces].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
