/** Counts who was let in and what was allowed, under upstream's metric names. */
import type { MetricsRegistry } from '#base/metrics';
import type { Authenticated } from '../authn/request-authentication.ts';
import type { Decision } from '../authz/authorizer.ts';

const BUCKETS = Array.from({ length: 15 }, (_one, index) => 0.001 * 2 ** index);
const FILTER_BUCKETS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 5, 10, 15, 30];
const SERVICE_ACCOUNT = 'system:serviceaccount:';

export interface CallerMetrics {
  known(caller: Authenticated, seconds: number): void;
  refused(seconds: number): void;
  decided(decision: Decision, seconds: number): void;
}

export function callerMetrics(metrics: MetricsRegistry): CallerMetrics {
  const callers = metrics.counter({ name: 'authenticated_user_requests', labels: ['username'], help: 'Counter of authenticated requests broken out by username.' });
  const attempts = metrics.counter({ name: 'authentication_attempts', labels: ['result'], help: 'Counter of authenticated attempts.' });
  const seconds = metrics.histogram({ name: 'authentication_duration_seconds', buckets: BUCKETS, labels: ['result'], help: 'Authentication duration in seconds broken out by result.' });
  const decisions = metrics.counter({ name: 'authorization_attempts_total', labels: ['result'], help: 'Counter of authorization attempts broken down by result. It can be either \'allowed\', \'denied\', \'no-opinion\' or \'error\'.' });
  const deciding = metrics.histogram({ name: 'authorization_duration_seconds', buckets: BUCKETS, labels: ['result'], help: 'Authorization duration in seconds broken out by result.' });
  const filters = metrics.histogram({ name: 'apiserver_request_filter_duration_seconds', buckets: FILTER_BUCKETS, labels: ['filter'], help: 'Request filter latency distribution in seconds, for each filter type' });
  const [authentication, authorization] = [filters.series(['authentication']), filters.series(['authorization'])];
  const tokens = metrics.counter({ name: 'serviceaccount_valid_tokens_total', help: 'Cumulative valid projected service account tokens used' });
  return {
    known({ user, by }, took) {
      callers.inc([user.name === 'admin' ? 'admin' : 'other']);
      attempts.inc(['success']);
      seconds.observe(took, ['success']);
      authentication(took);
      if (by !== 'in-process' && user.name.startsWith(SERVICE_ACCOUNT)) tokens.inc();
    },
    refused(took) {
      attempts.inc(['failure']);
      seconds.observe(took, ['failure']);
      authentication(took);
    },
    decided({ decision, error }, took) {
      const result = decision === 'allow' ? 'allowed' : decision === 'deny' ? 'denied' : error !== undefined ? 'error' : 'no-opinion';
      decisions.inc([result]);
      deciding.observe(took, [result]);
      authorization(took);
    },
  };
}
