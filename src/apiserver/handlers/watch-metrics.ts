/** Counts the events that watches send, under upstream's metric names. */
import type { ResourceInfo } from '#api/registry';
import type { MetricsRegistry } from '#base/metrics';
import type { RequestInfo } from '../request.ts';

const SIZE_BUCKETS = Array.from({ length: 8 }, (_one, index) => 1024 * 2 ** index);

const LIST_BUCKETS = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60];

/** Times how long watches take to send what there was at their start. */
export function watchListMetrics(metrics: MetricsRegistry): (info: ResourceInfo, namespace: string, seconds: number) => void {
  const duration = metrics.histogram({ name: 'apiserver_watch_list_duration_seconds', buckets: LIST_BUCKETS, labels: ['group', 'resource', 'scope', 'version'], help: 'Response latency distribution in seconds for watch list requests broken by group, version, resource and scope.' });
  return ({ group, resource, version }, namespace, seconds) => duration.observe(seconds, [group, resource, namespace === '' ? 'cluster' : 'namespace', version]);
}

/** Says which deprecated resources are asked for. */
export function deprecationMetrics(metrics: MetricsRegistry): (info: RequestInfo) => void {
  const asked = metrics.gauge({ name: 'apiserver_requested_deprecated_apis', stability: 'STABLE', labels: ['group', 'removed_release', 'resource', 'subresource', 'version'], help: 'Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.' });
  // Of none that is served here is it known when it will go.
  return ({ group, resource, subresource, version }) => asked.set(1, [group, '', resource, subresource, version]);
}

export function watchMetrics(metrics: MetricsRegistry): (info: ResourceInfo, bytes: number) => void {
  const labels = ['group', 'resource', 'version'];
  const events = metrics.counter({ name: 'apiserver_watch_events_total', labels, help: 'Number of events sent in watch clients' });
  const sizes = metrics.histogram({ name: 'apiserver_watch_events_sizes', buckets: SIZE_BUCKETS, labels, help: 'Watch event size distribution in bytes' });
  return ({ group, resource, version }, bytes) => {
    const series = [group, resource, version];
    events.inc(series);
    sizes.observe(bytes, series);
  };
}
