/**
 * Node ports: a port is taken by writing its key into the store, so that two API servers never give out the same one.
 *
 * One number serves TCP and UDP of one service alike. The keys stand beside the registry's objects and are seen by no client.
 */
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import { prefixEnd, type StorageEngine } from '#storage/contract';
import { nodePortMetrics } from './allocator-metrics.ts';
import { AllocationError, type AddressOwner } from './cluster-ips.ts';

const PREFIX = '/registry/ranges/servicenodeports/';
const FIRST = 30_000;
const LAST = 32_767;
/** Ports below FIRST + this are left for users to choose as long as others are free (KEP-3668). */
const LOWER_BAND = 86;

export interface NodePortAllocator {
  /** @throws AllocationError when it is taken or, but for a dry run, out of range. */
  take(port: number, owner: AddressOwner, dryRun: boolean): Promise<void>;
  /** Whether `take` would refuse it now. */
  refuses(port: number): Promise<boolean>;
  /** @throws AllocationError when all are taken. */
  takeAny(owner: AddressOwner, except: ReadonlySet<number>): Promise<number>;
  release(port: number): Promise<void>;
  /** Every taken port with its owner. */
  list(): Promise<Map<number, AddressOwner>>;
}

export function nodePortAllocator(storage: StorageEngine, random: Random, metrics: MetricsRegistry): NodePortAllocator {
  /** As last seen; others may take and release too. */
  let known = new Set<number>();
  let changes = 0;
  nodePortMetrics(metrics, () => ({ size: LAST - FIRST + 1, taken: known.size }));
  const keyOf = (port: number): string => `${PREFIX}${port}`;

  const list = async (): Promise<Map<number, AddressOwner>> => {
    const before = changes;
    const { items } = await storage.range({ start: PREFIX, end: prefixEnd(PREFIX) });
    const taken = new Map(items.map(({ key, value }) => [Number(key.slice(PREFIX.length)), JSON.parse(value.toString('utf8')) as AddressOwner]));
    if (changes === before) known = new Set(taken.keys());
    return taken;
  };

  const write = async (port: number, owner: AddressOwner): Promise<boolean> => {
    const { ok } = await storage.write({ key: keyOf(port), value: Buffer.from(JSON.stringify({ namespace: owner.namespace, name: owner.name })), expectedRevision: 0 });
    known.add(port);
    changes++;
    return ok;
  };

  const inRange = (port: number): boolean => port >= FIRST && port <= LAST;

  return {
    refuses: async (port) => !inRange(port) || await storage.get(keyOf(port)) !== undefined,
    async take(port, owner, dryRun) {
      if (!dryRun && !inRange(port)) throw new AllocationError(`provided port is not in the valid range. The range of valid ports is ${FIRST}-${LAST}`);
      const free = dryRun ? await storage.get(keyOf(port)) === undefined : await write(port, owner);
      if (!free) throw new AllocationError('provided port is already allocated');
    },
    async takeAny(owner, except) {
      const taken = await list();
      for (const [start, end] of [[FIRST + LOWER_BAND, LAST], [FIRST, FIRST + LOWER_BAND - 1]] as const) {
        const size = end - start + 1;
        const offset = random.integer(size);
        for (let i = 0; i < size; i++) {
          const port = start + ((offset + i) % size);
          if (taken.has(port) || except.has(port)) continue;
          if (await write(port, owner)) return port;
        }
      }
      throw new AllocationError('range is full');
    },
    async release(port) {
      await storage.write({ key: keyOf(port), value: undefined });
      known.delete(port);
      changes++;
    },
    list,
  };
}
