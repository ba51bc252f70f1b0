/** Chance as a parameter: seeded in tests and simulations, cryptographic in production. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** An integer in [0, bound). */
  integer(bound: number): number;
  bytes(length: number): Buffer;
  /** A version 4 UUID, lower case. */
  uuid(): string;
}

export const systemRandom: Random = {
  next: () => randomInt(2 ** 47) / 2 ** 47,
  integer: (bound) => randomInt(bound),
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
};

/** Mulberry32: the same seed gives the same sequence on every machine. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (bound: number): number => Math.floor(next() * bound);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => integer(256)));
  const uuid = (): string => {
    const raw = bytes(16);
    raw[6] = (raw[6]! & 0x0f) | 0x40;
    raw[8] = (raw[8]! & 0x3f) | 0x80;
    const hex = raw.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
  return { next, integer, bytes, uuid };
}

/** Without vowels and look-alikes, as upstream's generated names. */
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** The suffix that `generateName` and pod template hashes use. */
export function randomSuffix(random: Random, length = 5): string {
  let text = '';
  for (let i = 0; i < length; i++) text += NAME_ALPHABET[random.integer(NAME_ALPHABET.length)];
  return text;
}
