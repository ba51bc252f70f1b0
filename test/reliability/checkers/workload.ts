/** Clients that read, write, compare-and-swap, delete and list at random, with everything noted. */
import type { Random } from '#base/random';
import { nextTurn } from '#base/turn';
import { UnavailableError, type StorageEngine } from '#storage/contract';
import type { Recorder, Version, WriteOutcome } from './history.ts';

/** What a client talks to: an engine, or an API server on it. */
export interface Subject {
  write(key: string, value: string | undefined, expected: number | undefined): Promise<WriteOutcome>;
  get(key: string): Promise<Version | undefined>;
  list(first: string, last: string): Promise<{ readonly revision: number; readonly items: readonly (Version & { readonly key: string })[] }>;
}

export interface WorkloadOptions {
  readonly recorder: Recorder;
  readonly random: Random;
  readonly clients: number;
  /** Of all clients together. */
  readonly operations: number;
  readonly keys: readonly string[];
  /** Of the keys, for lists. */
  readonly range: { readonly first: string; readonly last: string };
  /** Makes values of this run unlike those of others. */
  readonly label: string;
  /** Which one the client asks now. */
  readonly subject: (client: string) => Subject;
  /** Lists among 100 operations. */
  readonly listsPercent?: number;
  /** Lists and gets among 100 operations. */
  readonly readsPercent?: number;
  /** Among so many writes one has no condition: it is not refused for what another client wrote. */
  readonly oneUnconditionalIn?: number;
  /** Deletes only what was seen: the API does not tell the revision of a deletion, the one before it does. */
  readonly careful?: boolean;
  /** Ends the run early. */
  readonly until?: () => boolean;
}

/** @throws what a get or list throws; writes that fail are outcomes. */
export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const { clients, operations } = options;
  let begun = 0;
  let number = 0;
  await Promise.all(Array.from({ length: clients }, async (_, i) => {
    const client = `${options.label}${i}`;
    const seen = new Map<string, number>();
    while (begun++ < operations && options.until?.() !== true) {
      await step(options, client, seen, () => `${options.label}${i}-${number++}`);
      if (options.random.integer(8) === 0) await nextTurn();
    }
  }));
}

async function step({ recorder, random, keys, range, subject, listsPercent = 3, readsPercent = 40, oneUnconditionalIn = 4, careful = false }: WorkloadOptions, client: string, seen: Map<string, number>, unique: () => string): Promise<void> {
  const key = keys[random.integer(keys.length)]!;
  const target = subject(client);
  const dice = random.integer(100);
  if (dice < listsPercent) {
    await recorder.note(client, async () => ({ type: 'list', ...range, exactly: false, ...await target.list(range.first, range.last) }));
    return;
  }
  if (dice < readsPercent) {
    const answer = await recorder.note(client, async () => ({ type: 'get', key, found: await target.get(key) }));
    if (answer.type === 'get') seen.set(key, answer.found?.revision ?? 0);
    return;
  }
  const value = dice < 88 ? unique() : undefined;
  const expected = dice % oneUnconditionalIn === 0 && !(careful && value === undefined) ? undefined : seen.get(key) ?? 0;
  if (value === undefined && expected === 0) return;
  const answer = await recorder.note(client, async () => ({ type: 'write', key, value, expected, outcome: await target.write(key, value, expected) }));
  if (answer.type !== 'write') return;
  const { outcome } = answer;
  if (outcome.kind === 'done') seen.set(key, value === undefined ? 0 : outcome.revision);
  else if (outcome.kind === 'refused' && outcome.current !== null) seen.set(key, outcome.current?.revision ?? 0);
  else seen.delete(key);
}

/** The engine as clients see it. */
export function engineSubject(engine: StorageEngine): Subject {
  const version = (found: { value: Buffer; modRevision: number } | undefined): Version | undefined =>
    (found === undefined ? undefined : { value: found.value.toString(), revision: found.modRevision });
  return {
    async write(key, value, expected) {
      try {
        const result = await engine.write({ key, value: value === undefined ? undefined : Buffer.from(value), ...(expected === undefined ? {} : { expectedRevision: expected }) });
        return result.ok ? { kind: 'done', revision: result.revision, previous: version(result.previous) } : { kind: 'refused', current: version(result.current) };
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        return { kind: error.unknown ? 'unknown' : 'failed' };
      }
    },
    get: async (key) => version(await engine.get(key)),
    async list(first, last) {
      const { revision, items } = await engine.range({ start: first, end: last });
      return { revision, items: items.map(({ key, value, modRevision }) => ({ key, value: value.toString(), revision: modRevision })) };
    },
  };
}
