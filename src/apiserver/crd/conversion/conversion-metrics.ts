/** How conversions by webhooks went, under upstream's names. Nothing is shown before the first. */
import type { MetricsRegistry } from '#base/metrics';
import type { ConversionFault } from './conversion-review.ts';

const REQUEST_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60];
const CONVERSION_BUCKETS = Array.from({ length: 15 }, (_, index) => 0.001 * 2 ** index);

export interface Conversion { readonly definition: string; readonly from: string; readonly to: string; readonly seconds: number; readonly fault: ConversionFault | undefined }

export function observeConversion(metrics: MetricsRegistry, { definition, from, to, seconds, fault }: Conversion): void {
  const outcome = [fault === undefined ? 'success' : 'failure', fault ?? ''];
  metrics.counter({ name: 'apiserver_conversion_webhook_request_total', help: 'Counter for conversion webhook requests with success/failure and failure error type', labels: ['result', 'failure_type'] }).inc(outcome);
  metrics.histogram({ name: 'apiserver_conversion_webhook_duration_seconds', help: 'Conversion webhook request latency', labels: ['result', 'failure_type'], buckets: REQUEST_BUCKETS }).observe(seconds, outcome);
  metrics.histogram({
    name: 'apiserver_crd_conversion_webhook_duration_seconds', help: 'CRD webhook conversion duration in seconds', labels: ['crd_name', 'from_version', 'to_version', 'succeeded'], buckets: CONVERSION_BUCKETS,
  }).observe(seconds, [definition, from, to, String(fault === undefined)]);
}
