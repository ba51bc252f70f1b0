/** CRC-32 (ISO 3309, as in zlib): zlib's own where Node has it (20.15, 22.2 and later), a table otherwise. */
import * as zlib from 'node:zlib';

type Crc32 = (data: Uint8Array, seed?: number) => number;

/** @param seed the checksum of what comes before `data`. */
export const crc32: Crc32 = (zlib as { crc32?: Crc32 }).crc32 ?? tableCrc32;

const POLYNOMIAL = 0xedb88320;
let table: Uint32Array | undefined;

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    return value;
  });
}

export function tableCrc32(data: Uint8Array, seed = 0): number {
  table ??= makeTable();
  let value = ~seed;
  for (const byte of data) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
