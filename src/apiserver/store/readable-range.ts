/**
 * Ranges of which some records are damaged: the others are read all the same.
 *
 * An engine refuses a whole range for one record that does not match its checksum. Then the keys are read without values and
 * each value by itself, so that one bad record costs its own object and no other.
 */
import { CorruptError, type KeyValue, type RangeOptions, type StorageEngine } from '#storage/contract';

export interface ReadablePage {
  readonly items: readonly KeyValue[];
  /** Of the page, readable or not; '' when the page is empty. */
  readonly lastKey: string;
  readonly revision: number;
  readonly more: boolean;
  readonly count: number;
}

/** Values read at the same time when they are read one by one. */
const READS_AT_ONCE = 64;

export async function readRange(engine: StorageEngine, options: RangeOptions, damaged: (key: string, error: CorruptError) => void, signal?: AbortSignal): Promise<ReadablePage> {
  try {
    const page = await engine.range(options, signal);
    return { ...page, lastKey: page.items.at(-1)?.key ?? '' };
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
  }
  const keys = await engine.range({ ...options, keysOnly: true }, signal);
  const items: KeyValue[] = [];
  for (let from = 0; from < keys.items.length; from += READS_AT_ONCE) {
    const some = keys.items.slice(from, from + READS_AT_ONCE);
    const found = await Promise.all(some.map(async ({ key }) => {
      try {
        return await engine.get(key, { revision: keys.revision, ...(signal === undefined ? {} : { signal }) });
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error;
        damaged(key, error);
        return undefined;
      }
    }));
    for (const item of found) if (item !== undefined) items.push(item);
  }
  return { items, lastKey: keys.items.at(-1)?.key ?? '', revision: keys.revision, more: keys.more, count: keys.count };
}
