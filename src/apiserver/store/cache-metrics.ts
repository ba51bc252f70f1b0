/** What the watch caches hold, under upstream's metric names; read when the metrics are. */
import type { MetricsRegistry, Sample } from '#base/metrics';
import { EVENT_LOG_LIMITS } from './event-log.ts';
import type { ResourceStore } from './resource-store.ts';
import type { StorageFeed } from './storage-feed.ts';

/** One for each stored resource. */
export interface NamedStore { readonly group: string; readonly resource: string; readonly store: ResourceStore }

export function observeCaches(metrics: MetricsRegistry, stores: () => Iterable<NamedStore>, feed: StorageFeed): void {
  const labels = ['group', 'resource'];
  const each = (read: (store: ResourceStore) => number) => (): Sample[] => [...stores()].map(({ group, resource, store }): Sample => [[group, resource], read(store)]);
  metrics.observed({ name: 'apiserver_resource_objects', labels, help: 'Number of stored objects at the time of last check split by kind.' }, each(({ cache }) => cache.size));
  metrics.observed({ name: 'apiserver_storage_objects', stability: 'STABLE', labels: ['resource'], help: 'Number of stored objects at the time of last check split by kind.' },
    () => [...stores()].map(({ group, resource, store }): Sample => [[group === '' ? resource : `${resource}.${group}`], store.cache.size]));
  metrics.observed({ name: 'apiserver_watch_cache_resource_version', labels, help: 'Current resource version of watch cache broken by resource type.' }, each(({ cache }) => cache.currentRevision(feed.revision)));
  metrics.observed({ name: 'watch_cache_capacity', labels, help: 'Total capacity of watch cache broken by resource type.' }, each(() => EVENT_LOG_LIMITS.eventsMax));
  metrics.observed({ name: 'apiserver_watch_cache_events_received_total', type: 'counter', labels, help: 'Counter of events received in watch cache broken by resource type.' }, each(({ cache }) => cache.counts.received));
  metrics.observed({ name: 'apiserver_watch_cache_events_dispatched_total', type: 'counter', labels, help: 'Counter of events dispatched in watch cache broken by resource type.' }, each(({ cache }) => cache.counts.dispatched));
  metrics.observed({ name: 'apiserver_watch_cache_initializations_total', type: 'counter', labels, help: 'Counter of watch cache initializations broken by resource type.' }, each(({ cache }) => cache.counts.loads));
}
