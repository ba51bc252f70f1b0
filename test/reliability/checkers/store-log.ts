/**
 * The log of truth: every change of a store in order of revisions, as one undisturbed watch told it, and what the state was
 * at each of them.
 */
import type { StorageEngine } from '#storage/contract';

export interface Change {
  readonly revision: number;
  readonly key: string;
  /** Undefined: deleted. */
  readonly value: string | undefined;
}

interface KeyHistory { readonly revisions: number[]; readonly values: (string | undefined)[] }

export interface KeyState { readonly value: string; readonly revision: number; /** The revision that ends it; Infinity: none yet. */ readonly until: number }

export class StoreLog {
  readonly changes: readonly Change[];
  readonly #keys = new Map<string, KeyHistory>();
  readonly #sorted: readonly string[];

  /** @param base the state before the first change. */
  constructor(changes: readonly Change[], base: readonly { readonly key: string; readonly value: string; readonly revision: number }[] = []) {
    this.changes = changes;
    for (const { key, value, revision } of base) this.#add(key, revision, value);
    for (const { key, revision, value } of changes) this.#add(key, revision, value);
    this.#sorted = [...this.#keys.keys()].sort();
  }

  get newest(): number { return this.changes.at(-1)?.revision ?? 0; }
  get keys(): readonly string[] { return this.#sorted; }

  /** Undefined: there was no such key. `until` of the absence is told by `nextChange`. */
  at(key: string, revision: number): KeyState | undefined {
    const history = this.#keys.get(key);
    const index = history === undefined ? -1 : countUpTo(history.revisions, revision) - 1;
    if (index < 0 || history!.values[index] === undefined) return undefined;
    return { value: history!.values[index]!, revision: history!.revisions[index]!, until: history!.revisions[index + 1] ?? Infinity };
  }

  /** The first revision above `revision` at which the key changed; Infinity: none. */
  nextChange(key: string, revision: number): number {
    const history = this.#keys.get(key);
    return history?.revisions[countUpTo(history.revisions, revision)] ?? Infinity;
  }

  /** Keys in [first, last) as of a revision. */
  range(first: string, last: string, revision: number): { key: string; value: string; revision: number }[] {
    const found: { key: string; value: string; revision: number }[] = [];
    for (const key of this.#sorted) {
      if (key < first || key >= last) continue;
      const state = this.at(key, revision);
      if (state !== undefined) found.push({ key, value: state.value, revision: state.revision });
    }
    return found;
  }

  #add(key: string, revision: number, value: string | undefined): void {
    let history = this.#keys.get(key);
    if (history === undefined) this.#keys.set(key, history = { revisions: [], values: [] });
    history.revisions.push(revision);
    history.values.push(value);
  }
}

function countUpTo(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= limit) low = middle + 1; else high = middle;
  }
  return low;
}

const ALL = { start: '/', end: '0' } as const;
const READ_MS_MAX = 30_000;

/** Reads the changes in (after, until] by a watch. @throws Error when they do not come. */
export async function readChanges(engine: StorageEngine, after: number, until: number): Promise<Change[]> {
  const changes: Change[] = [];
  if (until <= after) return changes;
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), READ_MS_MAX);
  const asking = setInterval(() => engine.requestProgress(), 50);
  try {
    for await (const { events, revision } of engine.watch({ ...ALL, afterRevision: after, progress: true, signal: stop.signal })) {
      for (const event of events) if (event.revision <= until) changes.push({ revision: event.revision, key: event.key, value: event.type === 'put' ? event.value.toString() : undefined });
      if (revision >= until) return changes;
    }
  } finally {
    clearTimeout(late);
    clearInterval(asking);
    stop.abort();
  }
  throw new Error(`the log ends at ${changes.at(-1)?.revision} of ${until}`);
}
