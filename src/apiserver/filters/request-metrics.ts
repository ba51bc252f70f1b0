/** Counts and times requests under upstream's metric names. */
import type { MetricsRegistry } from '#base/metrics';
import type { RequestInfo } from '../request.ts';

const DURATION_BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

export interface RequestMetrics {
  finished(info: RequestInfo, code: number, dryRun: boolean, longRunning: boolean, seconds: number): void;
  longRunning(info: RequestInfo, by: 1 | -1): void;
}

export function requestMetrics(metrics: MetricsRegistry): RequestMetrics {
  const total = metrics.counter({
    name: 'apiserver_request_total', stability: 'STABLE', labels: ['code', 'component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
    help: 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
  });
  const duration = metrics.histogram({
    name: 'apiserver_request_duration_seconds', stability: 'STABLE', buckets: DURATION_BUCKETS,
    labels: ['component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
    help: 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
  });
  const running = metrics.gauge({
    name: 'apiserver_longrunning_requests', stability: 'STABLE', labels: ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
    help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
  });
  return {
    finished(info, code, dryRun, long, seconds) {
      const labels = ['apiserver', dryRun ? 'All' : '', info.group, info.resource, scopeOf(info), info.subresource, verbOf(info), info.version];
      total.inc([String(code), ...labels]);
      if (!long) duration.observe(seconds, labels);
    },
    longRunning(info, by) {
      running.add(by, ['apiserver', info.group, info.resource, scopeOf(info), info.subresource, verbOf(info), info.version]);
    },
  };
}

function scopeOf(info: RequestInfo): string {
  if (!info.isResourceRequest) return '';
  if (info.name !== '') return 'resource';
  return info.namespace === '' ? 'cluster' : 'namespace';
}

const REPORTED: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', get: 'GET', list: 'LIST', watch: 'WATCH', delete: 'DELETE', deletecollection: 'DELETECOLLECTION', connect: 'CONNECT', post: 'POST', put: 'PUT', head: 'GET', proxy: 'CONNECT' };

function verbOf(info: RequestInfo): string { return REPORTED[info.verb] ?? 'other'; }
