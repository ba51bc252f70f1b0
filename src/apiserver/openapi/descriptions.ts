/**
 * The words of the documents: what types, fields and parameters mean. They come from a file that the build makes; without it the
 * documents are whole but silent.
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const DESCRIPTIONS_BYTES_MAX = 16 * 1024 * 1024;

export interface Descriptions {
  /** Type name (`core/v1.Pod`) → its text, and those of its fields. */
  readonly types: Readonly<Record<string, readonly [text: string, fields: Readonly<Record<string, string>>]>>;
  readonly parameters: Readonly<Record<string, string>>;
}

const NO_DESCRIPTIONS: Descriptions = { types: {}, parameters: {} };

/** Beside the bundle, or below `dist` when run from the sources. */
const CANDIDATES = ['./descriptions.json.gz', '../../../dist/descriptions.json.gz'];

export async function loadDescriptions(): Promise<Descriptions> {
  for (const candidate of CANDIDATES) {
    let compressed: Buffer;
    try {
      compressed = await readFile(new URL(candidate, import.meta.url));
    } catch {
      continue;
    }
    const text = await promisify(gunzip)(compressed, { maxOutputLength: DESCRIPTIONS_BYTES_MAX });
    return JSON.parse(text.toString('utf8')) as Descriptions;
  }
  return NO_DESCRIPTIONS;
}
