/**
 * The short text that names a pod template: the `pod-template-hash` of replica sets, the suffix of revisions.
 *
 * FNV-1a, 32 bits, over the canonical JSON of the template and the collision count, written in the alphabet of generated
 * names. Only its form is a contract; nobody may compute it from outside.
 */

const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export function templateHash(template: unknown, collisionCount?: number): string {
  let hash = fnv1a(0x811c9dc5, canonicalJson(template));
  if (collisionCount !== undefined && collisionCount !== 0) hash = fnv1a(hash, String(collisionCount));
  return safeText(String(hash >>> 0));
}

/** Digits and letters become letters that form no words. */
export function safeText(text: string): string {
  let safe = '';
  for (let i = 0; i < text.length; i++) safe += SAFE_ALPHABET[text.charCodeAt(i) % SAFE_ALPHABET.length];
  return safe;
}

function fnv1a(seed: number, text: string): number {
  let hash = seed;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Keys sorted; null, empty lists and empty objects left out, so that equal meaning gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(canonical(value)) ?? 'null';
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => canonical(item) ?? null);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)] as const).filter(([, item]) => item !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
