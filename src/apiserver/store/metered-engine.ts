/**
 * A storage engine that counts and times what the API server asks of it, by resource, under upstream's metric names.
 *
 * The resource is read off the key: `/registry/pods/…`, `/registry/cert-manager.io/issuers/…`.
 */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { StorageEngine } from '#storage/contract';
import { storagePrefix } from './prefixes.ts';
import { REGISTRY } from './storage-feed.ts';

const BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
/** Which resource a key is of. */
export type ResourceOfKey = (key: string) => readonly [group: string, resource: string];

export function meteredEngine(engine: StorageEngine, resourceOf: ResourceOfKey, metrics: MetricsRegistry, clock: Clock): StorageEngine {
  const labels = ['group', 'operation', 'resource'];
  const total = metrics.counter({ name: 'etcd_requests_total', labels, help: 'Etcd request counts for each operation and object type.' });
  const errors = metrics.counter({ name: 'etcd_request_errors_total', labels, help: 'Etcd failed request counts for each operation and object type.' });
  const seconds = metrics.histogram({ name: 'etcd_request_duration_seconds', buckets: BUCKETS, labels, help: 'Etcd request latency in seconds for each operation and object type.' });
  const ofResource = ['group', 'resource'];
  const received = metrics.counter({ name: 'apiserver_storage_events_received_total', labels: ofResource, help: 'Number of etcd events received split by kind.' });
  const lists = metrics.counter({ name: 'apiserver_storage_list_total', labels: ofResource, help: 'Number of LIST requests served from storage' });
  const fetched = metrics.counter({ name: 'apiserver_storage_list_fetched_objects_total', labels: ofResource, help: 'Number of objects read from storage in the course of serving a LIST request' });
  const evaluated = metrics.counter({ name: 'apiserver_storage_list_evaluated_objects_total', labels: ofResource, help: 'Number of objects tested in the course of serving a LIST request from storage' });
  const returned = metrics.counter({ name: 'apiserver_storage_list_returned_objects_total', labels: ofResource, help: 'Number of objects returned for a LIST request from storage' });

  async function timed<T>(operation: string, key: string, work: Promise<T>): Promise<T> {
    const [group, resource] = resourceOf(key);
    const startMs = clock.monotonicNow();
    total.inc([group, operation, resource]);
    try {
      return await work;
    } catch (error) {
      errors.inc([group, operation, resource]);
      throw error;
    } finally {
      seconds.observe((clock.monotonicNow() - startMs) / 1000, [group, operation, resource]);
    }
  }

  return {
    get: (key, options) => timed('get', key, engine.get(key, options)),
    async range(options, signal) {
      const result = await timed('list', options.start, engine.range(options, signal));
      const resource = resourceOf(options.start);
      lists.inc(resource);
      for (const counter of [fetched, evaluated, returned]) counter.inc(resource, result.items.length);
      return result;
    },
    write: (request, signal) => timed(request.value === undefined ? 'delete' : request.expectedRevision === 0 ? 'create' : 'update', request.key, engine.write(request, signal)),
    async *watch(options) {
      for await (const batch of engine.watch(options)) {
        for (const event of batch.events) received.inc(resourceOf(event.key));
        yield batch;
      }
    },
    requestProgress: () => { engine.requestProgress(); },
    currentRevision: (signal) => engine.currentRevision(signal),
    compact: (revision) => engine.compact(revision),
    grantLease: (ttlSeconds) => engine.grantLease(ttlSeconds),
    leaseSecondsLeft: (leaseId) => engine.leaseSecondsLeft(leaseId),
    status: () => engine.status(),
    close: () => engine.close(),
  };
}

/** @param kept the built-in resources. All else with a dot in its first segment is a custom one. */
export function resourcesByKey(kept: Iterable<{ readonly group: string; readonly resource: string }>): ResourceOfKey {
  const known = new Map<string, readonly [string, string]>();
  for (const { group, resource } of kept) {
    const prefix = storagePrefix(group, resource).slice(REGISTRY.length, -1);
    if (!known.has(prefix)) known.set(prefix, [group, resource]);
  }
  return (key) => {
    const end = key.indexOf('/', REGISTRY.length);
    const first = key.slice(REGISTRY.length, end < 0 ? undefined : end);
    const found = known.get(first);
    if (found !== undefined) return found;
    const next = end < 0 ? -1 : key.indexOf('/', end + 1);
    const second = end < 0 ? '' : key.slice(end + 1, next < 0 ? undefined : next);
    return known.get(`${first}/${second}`) ?? (first.includes('.') ? [first, second] : ['', first]);
  };
}
