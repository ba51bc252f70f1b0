/**
 * Engines with one fault each, that the checkers must find: their own test. Each wraps a sound engine and lies now and then.
 */
import type { Random } from '#base/random';
import { CompactedError, type StorageEngine, type WatchBatch, type WatchEvent } from '#storage/contract';

export interface PlantedBug {
  /** Rules of which one at least must be reported. */
  readonly rules: readonly string[];
  plant(engine: StorageEngine, random: Random): StorageEngine;
}

/** One call in this many goes wrong. */
const ONE_IN = 20;
const sometimes = (random: Random): boolean => random.integer(ONE_IN) === 0;

type WatchOptions = Parameters<StorageEngine['watch']>[0];

function onWatch(change: (batches: AsyncIterable<WatchBatch>, random: Random, options: WatchOptions) => AsyncIterable<WatchBatch>): PlantedBug['plant'] {
  return (engine, random) => ({ ...engine, watch: (options) => change(engine.watch(options), random, options) });
}

/** Changes the events of each batch. */
function onEvents(change: (events: readonly WatchEvent[], random: Random) => readonly WatchEvent[]): PlantedBug['plant'] {
  return onWatch(async function* changed(batches, random) {
    for await (const batch of batches) yield batch.events.length === 0 ? batch : { ...batch, events: change(batch.events, random) };
  });
}

const oneEvent = (change: (event: WatchEvent) => readonly WatchEvent[], which: (event: WatchEvent) => boolean = () => true): PlantedBug['plant'] =>
  onEvents((events, random) => events.flatMap((event) => (which(event) && sometimes(random) ? change(event) : [event])));

const WATCH_BUGS: Record<string, PlantedBug> = {
  'drops an event': { rules: ['reliable', 'resumable'], plant: oneEvent(() => []) },
  'drops deletions': { rules: ['reliable', 'resumable'], plant: oneEvent(() => [], (event) => event.type === 'delete') },
  'delivers twice': { rules: ['unique'], plant: oneEvent((event) => [event, event]) },
  'reorders events': {
    rules: ['ordered'],
    plant: onWatch(async function* reordered(batches) {
      let held: WatchBatch | undefined;
      for await (const batch of batches) {
        if (batch.events.length === 0) { if (held !== undefined) yield held; held = undefined; yield batch; continue; }
        if (held === undefined) { held = batch; continue; }
        yield { events: [...batch.events, ...held.events], revision: batch.revision };
        held = undefined;
      }
      if (held !== undefined) yield held;
    }),
  },
  'splits a revision': {
    rules: ['atomic', 'unique'],
    plant: onWatch(async function* split(batches, random) {
      for await (const batch of batches) {
        yield batch;
        const last = batch.events.at(-1);
        if (last !== undefined && sometimes(random)) yield { events: [{ ...last, key: last.key }], revision: batch.revision };
      }
    }),
  },
  'marks progress ahead of events': {
    rules: ['bookmarkable'],
    plant: onWatch(async function* ahead(batches, random) {
      for await (const batch of batches) {
        if (batch.events.length > 0 && sometimes(random)) yield { events: [], revision: batch.revision };
        yield batch;
      }
    }),
  },
  'tells events of others': { rules: ['filter'], plant: onWatch(async function* others(batches, random) {
    for await (const batch of batches) yield { ...batch, events: batch.events.map((event) => (sometimes(random) ? { ...event, key: `/zz${event.key}` } : event)) };
  }) },
  'shows the wrong previous value': { rules: ['previous'], plant: oneEvent((event) => [{ ...event, previous: { key: event.key, value: Buffer.from('?'), modRevision: 1, createRevision: 1 } }]) },
  'forgets the previous value': { rules: ['previous'], plant: oneEvent((event) => [{ ...event, previous: undefined }], (event) => event.previous !== undefined) },
  'takes a change for a creation': { rules: ['is-create'], plant: oneEvent((event) => [{ ...event, created: !event.created }], (event) => event.type === 'put') },
  'shows another value': { rules: ['truth'], plant: oneEvent((event) => [{ ...event, value: Buffer.from('?') }], (event) => event.type === 'put') },
  'begins one too late': { rules: ['resumable'], plant: (engine) => ({ ...engine, watch: (options) => engine.watch({ ...options, afterRevision: options.afterRevision + 1 }) }) },
  'begins one too early': { rules: ['resumable'], plant: (engine) => ({ ...engine, watch: (options) => engine.watch({ ...options, afterRevision: Math.max(1, options.afterRevision - 1) }) }) },
  'forgets that history was compacted': {
    rules: ['reliable', 'resumable'],
    plant: (engine) => ({
      ...engine,
      async *watch(options) {
        try {
          yield* engine.watch(options);
        } catch (error) {
          if (!(error instanceof CompactedError)) throw error;
          yield* engine.watch({ ...options, afterRevision: error.compactedRevision });
        }
      },
    }),
  },
};

const READ_WRITE_BUGS: Record<string, PlantedBug> = {
  'loses an acknowledged write': {
    rules: ['lost'],
    plant: (engine, random) => ({
      ...engine,
      async write(request) {
        if (request.value === undefined || !sometimes(random)) return engine.write(request);
        return { ok: true, revision: await engine.currentRevision() + 1, previous: await engine.get(request.key) };
      },
    }),
  },
  'acknowledges before it is written': {
    rules: ['stale read', 'lost', 'wrong previous', 'write in the past'],
    plant: (engine, random) => ({
      ...engine,
      async write(request) {
        if (!sometimes(random)) return engine.write(request);
        const previous = await engine.get(request.key);
        if (request.expectedRevision !== undefined && (previous?.modRevision ?? 0) !== request.expectedRevision) return engine.write(request);
        setTimeout(() => { void engine.write({ key: request.key, value: request.value }); }, 1);
        return { ok: true, revision: await engine.currentRevision() + 1, previous };
      },
    }),
  },
  'writes twice': {
    rules: ['doubled'],
    plant: (engine, random) => ({
      ...engine,
      async write(request) {
        const result = await engine.write(request);
        if (result.ok && request.value !== undefined && sometimes(random)) await engine.write({ key: request.key, value: request.value });
        return result;
      },
    }),
  },
  'refuses and applies': {
    rules: ['refused and applied', 'out of nothing'],
    plant: (engine, random) => ({
      ...engine,
      async write(request) {
        const result = await engine.write(request);
        return result.ok && request.expectedRevision !== undefined && sometimes(random) ? { ok: false, current: result.previous, revision: result.revision } : result;
      },
    }),
  },
  'ignores the condition': {
    rules: ['condition ignored'],
    plant: (engine) => ({ ...engine, write: ({ key, value }) => engine.write({ key, value }) }),
  },
  'tells a wrong revision': {
    rules: ['lost', 'doubled', 'write in the past'],
    plant: (engine, random) => ({
      ...engine,
      async write(request) {
        const result = await engine.write(request);
        return result.ok && sometimes(random) ? { ...result, revision: result.revision - 1 } : result;
      },
    }),
  },
  'reads a stale object': {
    rules: ['stale read'],
    plant: (engine, random) => ({
      ...engine,
      get: async (key, options) => engine.get(key, sometimes(random) ? { revision: Math.max(1, await engine.currentRevision() - 40) } : options),
    }),
  },
  'reads a stale list': {
    rules: ['stale read'],
    plant: (engine) => ({ ...engine, range: async (options) => engine.range({ ...options, revision: Math.max(1, await engine.currentRevision() - 3) }) }),
  },
  'lists halves of two states': {
    rules: ['wrong snapshot'],
    plant: (engine) => ({
      ...engine,
      async range(options) {
        const now = await engine.range(options);
        const old = await engine.range({ ...options, revision: Math.max(1, now.revision - 20) });
        const half = now.items.length >> 1;
        return { ...now, items: [...old.items.slice(0, half), ...now.items.slice(half)] };
      },
    }),
  },
  'leaves a key out of lists': {
    rules: ['wrong snapshot'],
    plant: (engine) => ({ ...engine, async range(options) { const all = await engine.range(options); return { ...all, items: all.items.slice(1) }; } }),
  },
  'shows what is not durable': {
    rules: ['wrong read', 'sees the future'],
    plant: (engine, random) => {
      let dirty: { key: string; value: Buffer } | undefined;
      return {
        ...engine,
        async write(request) {
          if (request.value !== undefined) dirty = { key: request.key, value: request.value };
          return engine.write(request);
        },
        async get(key, options) {
          const revision = await engine.currentRevision() + 1;
          return dirty?.key === key && sometimes(random) ? { ...dirty, modRevision: revision, createRevision: revision } : engine.get(key, options);
        },
      };
    },
  },
};

export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = { ...WATCH_BUGS, ...READ_WRITE_BUGS };
