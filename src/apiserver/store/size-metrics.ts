/** Says how large the store is, under upstream's metric name; looked at now and then, as it may be far away. */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { StorageEngine } from '#storage/contract';

const INTERVAL_MS = 30_000;

/** Until the signal aborts. What cannot be reached keeps the size it had. */
export async function observeSize(storage: StorageEngine, metrics: MetricsRegistry, clock: Clock, signal: AbortSignal): Promise<void> {
  const size = metrics.gauge({ name: 'apiserver_storage_size_bytes', stability: 'STABLE', labels: ['storage_cluster_id'], help: 'Size of the storage database file physically allocated in bytes.' });
  while (!signal.aborted) {
    const status = await storage.status().catch(() => undefined);
    if (status !== undefined) size.set(status.bytes, [`${status.engine}-0`]);
    await clock.sleep(INTERVAL_MS, signal).catch(() => undefined);
  }
}
