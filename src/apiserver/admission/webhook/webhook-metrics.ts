/** How webhooks did, under upstream's names. Nothing is shown before the first call. */
import type { MetricsRegistry } from '#base/metrics';

export type WebhookType = 'admit' | 'validating';
export type RejectionKind = 'calling_webhook_error' | 'no_error' | 'apiserver_internal_error';

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** Rejection codes from here on are told as this. */
const CODE_MAX = 600;

export interface WebhookMetrics {
  called(call: { readonly name: string; readonly type: WebhookType; readonly operation: string; readonly seconds: number; readonly rejected: boolean; readonly code: number }): void;
  rejected(rejection: { readonly name: string; readonly type: WebhookType; readonly operation: string; readonly kind: RejectionKind; readonly code: number }): void;
  failedOpen(name: string, type: WebhookType): void;
  conditionError(name: string, kind: 'webhook' | 'policy', type: WebhookType, operation: string): void;
  conditionExcluded(name: string, kind: 'webhook' | 'policy', type: WebhookType, operation: string): void;
}

export function webhookMetrics(metrics: MetricsRegistry): WebhookMetrics {
  return {
    called({ name, type, operation, seconds, rejected, code }) {
      const labels = ['name', 'type', 'operation', 'rejected'];
      metrics.histogram({ name: 'apiserver_admission_webhook_admission_duration_seconds', stability: 'STABLE', buckets: BUCKETS, labels,
        help: 'Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).' }).observe(seconds, [name, type, operation, String(rejected)]);
      metrics.counter({ name: 'apiserver_admission_webhook_request_total', labels: ['name', 'type', 'operation', 'code', 'rejected'],
        help: 'Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.' })
        .inc([name, type, operation, String(Math.min(code, CODE_MAX)), String(rejected)]);
    },
    rejected({ name, type, operation, kind, code }) {
      metrics.counter({ name: 'apiserver_admission_webhook_rejection_count', labels: ['name', 'type', 'operation', 'error_type', 'rejection_code'],
        help: 'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.' })
        .inc([name, type, operation, kind, String(Math.min(code, CODE_MAX))]);
    },
    failedOpen(name, type) {
      metrics.counter({ name: 'apiserver_admission_webhook_fail_open_count', labels: ['name', 'type'],
        help: 'Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).' }).inc([name, type]);
    },
    conditionError(name, kind, type, operation) {
      metrics.counter({ name: 'apiserver_admission_match_condition_evaluation_errors_total', labels: ['name', 'kind', 'type', 'operation'],
        help: 'Admission match condition evaluation errors count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).' }).inc([name, kind, type, operation]);
    },
    conditionExcluded(name, kind, type, operation) {
      metrics.counter({ name: 'apiserver_admission_match_condition_exclusions_total', labels: ['name', 'kind', 'type', 'operation'],
        help: 'Admission match condition evaluation exclusions count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).' }).inc([name, kind, type, operation]);
    },
  };
}
