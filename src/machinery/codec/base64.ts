/** Standard base64 with padding, as Go's encoding/base64 reads it: line ends are skipped, everything else is a fault. */
import { DecodeError } from './decode-error.ts';

const WELL_FORMED = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The same bytes in canonical form. @throws DecodeError with the offset of the first fault. */
export function canonicalBase64(text: string): string {
  if (isWellFormed(text)) return text.endsWith('=') ? Buffer.from(text, 'base64').toString('base64') : text;
  checkBase64(text);
  return Buffer.from(text, 'base64').toString('base64');
}

/** The expression engine recurses per group, so that long texts are looked at in pieces. */
function isWellFormed(text: string): boolean {
  const pieceLength = 4096;
  if (text.length % 4 !== 0) return false;
  for (let start = 0; start < text.length; start += pieceLength) {
    const piece = text.slice(start, start + pieceLength);
    if (!WELL_FORMED.test(piece) || (start + pieceLength < text.length && piece.endsWith('='))) return false;
  }
  return true;
}

function isAlphabet(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2f;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function checkBase64(text: string): void {
  const source = Buffer.from(text, 'utf8');
  const fault = (offset: number): DecodeError => new DecodeError(`illegal base64 data at input byte ${offset}`);
  let position = 0;
  for (;;) {
    let filled = 0;
    while (filled < 4) {
      if (position === source.length) {
        if (filled === 0) return;
        throw fault(position - filled);
      }
      const byte = source[position++]!;
      if (isAlphabet(byte)) { filled++; continue; }
      if (isLineEnd(byte)) continue;
      if (byte !== 0x3d || filled < 2) throw fault(position - 1);
      if (filled === 2) {
        while (isLineEnd(source[position])) position++;
        if (position === source.length) throw fault(source.length);
        if (source[position] !== 0x3d) throw fault(position - 1);
        position++;
      }
      while (isLineEnd(source[position])) position++;
      if (position < source.length) throw fault(position);
      return;
    }
  }
}
