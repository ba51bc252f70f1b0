/** Counts the events that watches send, under upstream's metric names. */
import type { ResourceInfo } from '#api/registry';
import type { MetricsRegistry } from '#base/metrics';

const SIZE_BUCKETS = Array.from({ length: 8 }, (_one, index) => 1024 * 2 ** index);

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
