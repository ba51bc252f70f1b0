/** CBOR as upstream speaks it (off unless asked for): the self-describing tag, no other tags, texts as text or byte strings. */
import { decode, encode } from 'cborg';
import { MalformedError } from './decode-error.ts';

/** Tag 55799, which marks the rest as CBOR. */
const SELF_DESCRIBED = Buffer.from([0xd9, 0xd9, 0xf7]);

export function encodeCbor(value: unknown): Buffer {
  return Buffer.concat([SELF_DESCRIBED, encode(value)]);
}

/** @throws MalformedError */
export function decodeCbor(bytes: Buffer): unknown {
  const start = bytes.subarray(0, 3).equals(SELF_DESCRIBED) ? 3 : 0;
  try {
    const value: unknown = decode(bytes.subarray(start), {
      allowUndefined: false, allowNaN: false, allowInfinity: false, rejectDuplicateMapKeys: true,
    });
    return textsOf(value);
  } catch (error) {
    throw new MalformedError(`cbor: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Byte strings stand for texts. */
function textsOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(textsOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, textsOf(item)]));
}
