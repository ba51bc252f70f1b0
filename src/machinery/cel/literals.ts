/**
 * What literals say: numbers within 64 bits and the escapes of strings and bytes.
 */
import { Uint } from './value.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;
const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92, "'": 39, '"': 34, '`': 96, '?': 63,
};

/** @returns undefined when it does not fit. */
export function intLiteral(text: string, negative: boolean): bigint | undefined {
  const value = negative ? -BigInt(text) : BigInt(text);
  return value > MAX_INT64 || value < -MAX_INT64 - 1n ? undefined : value;
}

/** @returns undefined when it does not fit. */
export function uintLiteral(text: string): Uint | undefined {
  const value = BigInt(text.slice(0, -1));
  return value > MAX_UINT64 ? undefined : new Uint(value);
}

/** @returns undefined when it is beyond a double. */
export function doubleLiteral(text: string): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The text between the quotes; escapes stand for themselves in raw literals. */
function body(token: string): { readonly text: string; readonly raw: boolean } {
  const raw = /^[rR]/.test(token);
  const quoted = raw ? token.slice(1) : token;
  const quotes = /^('''|""")/.test(quoted) && quoted.length >= 6 ? 3 : 1;
  return { text: quoted.slice(quotes, -quotes).replace(/\r\n?/g, '\n'), raw };
}

/** @returns undefined for an escape that names no character. */
export function stringLiteral(token: string): string | undefined {
  const { text, raw } = body(token);
  if (raw || !text.includes('\\')) return text;
  let result = '';
  for (const piece of pieces(text)) {
    if (typeof piece === 'string') { result += piece; continue; }
    if (piece.code > 0x10ffff || (piece.code >= 0xd800 && piece.code < 0xe000)) return undefined;
    result += String.fromCodePoint(piece.code);
  }
  return result;
}

/** `\x` and octal escapes are bytes, everything else its UTF-8. @returns undefined for `\u`, which bytes do not have. */
export function bytesLiteral(token: string): Uint8Array | undefined {
  const { text, raw } = body(token.slice(1));
  if (raw) return Buffer.from(text);
  const parts: Buffer[] = [];
  for (const piece of pieces(text)) {
    if (typeof piece === 'string') parts.push(Buffer.from(piece));
    else if (piece.unicode) return undefined;
    else parts.push(Buffer.from([piece.code]));
  }
  return Buffer.concat(parts);
}

function* pieces(text: string): Generator<string | { readonly code: number; readonly unicode: boolean }> {
  let rest = text;
  while (rest !== '') {
    const slash = rest.indexOf('\\');
    if (slash !== 0) {
      yield slash === -1 ? rest : rest.slice(0, slash);
      rest = slash === -1 ? '' : rest.slice(slash);
      continue;
    }
    const match = /^\\(?:([xX])([0-9a-fA-F]{2})|([uU])([0-9a-fA-F]{8}|[0-9a-fA-F]{4})|([0-3][0-7]{2})|(.))/s.exec(rest)!;
    let length = match[0].length;
    if (match[2] !== undefined) yield { code: Number.parseInt(match[2], 16), unicode: false };
    else if (match[4] !== undefined) {
      const digits = match[3] === 'u' ? match[4].slice(0, 4) : match[4];
      length = 2 + digits.length;
      yield { code: Number.parseInt(digits, 16), unicode: true };
    } else if (match[5] !== undefined) yield { code: Number.parseInt(match[5], 8), unicode: false };
    else yield { code: SIMPLE_ESCAPES[match[6]!] ?? 0, unicode: false };
    rest = rest.slice(length);
  }
}
