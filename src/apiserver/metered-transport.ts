/** Counts and times what the server asks of itself, under the names that upstream's client library has for it. */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { Transport } from '#client/transport';

const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const SIZE_BUCKETS = [64, 256, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216];

/** @param host how the server is called in the labels */
export function meteredTransport(transport: Transport, host: string, metrics: MetricsRegistry, clock: Clock): Transport {
  const total = metrics.counter({ name: 'rest_client_requests_total', labels: ['code', 'host', 'method'], help: 'Number of HTTP requests, partitioned by status code, method, and host.' });
  const labels = ['host', 'verb'];
  const duration = metrics.histogram({ name: 'rest_client_request_duration_seconds', labels, buckets: DURATION_BUCKETS, help: 'Request latency in seconds. Broken down by verb, and host.' });
  const sent = metrics.histogram({ name: 'rest_client_request_size_bytes', labels, buckets: SIZE_BUCKETS, help: 'Request size in bytes. Broken down by verb and host.' });
  const received = metrics.histogram({ name: 'rest_client_response_size_bytes', labels, buckets: SIZE_BUCKETS, help: 'Response size in bytes. Broken down by verb and host.' });
  return {
    async request(request) {
      const series = [host, request.method];
      const startMs = clock.monotonicNow();
      sent.observe(request.body?.length ?? 0, series);
      try {
        const response = await transport.request(request);
        total.inc([String(response.status), host, request.method]);
        return { ...response, body: counted(response.body, (bytes) => received.observe(bytes, series)), cancel: () => response.cancel() };
      } catch (error) {
        total.inc(['<error>', host, request.method]);
        throw error;
      } finally {
        duration.observe((clock.monotonicNow() - startMs) / 1000, series);
      }
    },
    close: () => transport.close(),
  };
}

/** Tells the size of a body once it is over, however it ends. */
async function* counted(body: AsyncIterable<Buffer>, over: (bytes: number) => void): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const piece of body) {
      bytes += piece.length;
      yield piece;
    }
  } finally {
    over(bytes);
  }
}
