/** How policies judged, under upstream's names. Nothing is shown before the first. */
import type { MetricsRegistry } from '#base/metrics';

export type Enforcement = 'allow' | 'deny' | 'audit' | 'warn';
export type PolicyErrorType = 'no_error' | 'compile_error' | 'invalid_error' | 'out_of_budget';

const BUCKETS = [0.0000005, 0.001, 0.01, 0.1, 1];
const LABELS = ['policy', 'policy_binding', 'error_type', 'enforcement_action'];

export interface Judgement { readonly policy: string; readonly binding: string; readonly error: PolicyErrorType; readonly action: Enforcement; readonly seconds: number }

export function observePolicy(metrics: MetricsRegistry, kind: 'validating' | 'mutating', { policy, binding, error, action, seconds }: Judgement): void {
  const values = [policy, binding, error, action];
  const stability = kind === 'validating' ? 'BETA' : 'ALPHA';
  const what = kind === 'validating' ? 'Validation' : 'Mutation';
  metrics.counter({ name: `apiserver_${kind}_admission_policy_check_total`, stability, labels: LABELS, help: `${what} admission policy check total, labeled by policy and further identified by binding and enforcement action taken.` }).inc(values);
  metrics.histogram({
    name: `apiserver_${kind}_admission_policy_check_duration_seconds`, stability, labels: LABELS, buckets: BUCKETS,
    help: `${what} admission latency for individual ${what.toLowerCase()} expressions in seconds, labeled by policy and further including binding and enforcement action taken.`,
  }).observe(seconds, values);
}
