/** Counts and times requests, callers and decisions under upstream's metric names. */
import type { MetricsRegistry } from '#base/metrics';
import { header } from '../context.ts';
import type { ApiRequest, ApiResponse, RequestInfo } from '../request.ts';

const DURATION_BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const EXECUTION_BUCKETS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const SIZE_BUCKETS = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const BODY_BUCKETS = Array.from({ length: 25 }, (_one, index) => 50_000 * (index + 1));
const LABELS = ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'];
const FIELD_VALIDATION_VERBS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** Programs that are part of a cluster; others are not told apart. */
const SYSTEM_CLIENTS: ReadonlySet<string> = new Set(['kubelet', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy']);

export interface Finished {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly longRunning: boolean;
  readonly seconds: number;
}

export interface Flow { readonly flowSchema: string; readonly priorityLevel: string }

export interface RequestMetrics {
  finished(info: RequestInfo, finished: Finished): void;
  longRunning(info: RequestInfo, by: 1 | -1): void;
  /** A request of a flow begins to be worked on. @returns call it when it is over */
  executing(flow: Flow, seconds: () => number): () => void;
}

export function requestMetrics(metrics: MetricsRegistry): RequestMetrics {
  const total = metrics.counter({
    name: 'apiserver_request_total', stability: 'STABLE', labels: ['code', 'component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'system_client', 'verb', 'version'],
    help: 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
  });
  const duration = metrics.histogram({
    name: 'apiserver_request_duration_seconds', stability: 'STABLE', buckets: DURATION_BUCKETS, labels: ['component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
    help: 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
  });
  const indicator = metrics.histogram({
    name: 'apiserver_request_sli_duration_seconds', buckets: DURATION_BUCKETS, labels: LABELS,
    help: 'Response latency distribution for each verb, group, version, resource, subresource, scope and component, without time spent in webhooks or waiting.',
  });
  const running = metrics.gauge({ name: 'apiserver_longrunning_requests', stability: 'STABLE', labels: LABELS, help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.' });
  const responses = metrics.histogram({ name: 'apiserver_response_sizes', stability: 'STABLE', buckets: SIZE_BUCKETS, labels: LABELS, help: 'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.' });
  const bodies = metrics.histogram({ name: 'apiserver_request_body_size_bytes', buckets: BODY_BUCKETS, labels: ['group', 'resource', 'verb'], help: 'Apiserver request body size in bytes broken out by resource and verb.' });
  const terminated = metrics.counter({ name: 'apiserver_request_terminations_total', labels: ['code', ...LABELS], help: 'Number of requests which apiserver terminated in self-defense.' });
  const validated = metrics.histogram({ name: 'field_validation_request_duration_seconds', buckets: DURATION_BUCKETS, labels: ['field_validation'], help: 'Response latency distribution in seconds for each field validation value.' });
  const flow = ['flow_schema', 'priority_level'];
  const dispatched = metrics.counter({ name: 'apiserver_flowcontrol_dispatched_requests_total', stability: 'BETA', labels: flow, help: 'Number of requests executed by API Priority and Fairness subsystem.' });
  const current = metrics.gauge({ name: 'apiserver_flowcontrol_current_executing_requests', stability: 'BETA', labels: flow, help: 'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage.' });
  const seats = metrics.gauge({ name: 'apiserver_flowcontrol_current_executing_seats', stability: 'BETA', labels: flow, help: 'Concurrency (number of seats) occupied by the currently executing requests.' });
  const estimated = metrics.histogram({ name: 'apiserver_flowcontrol_work_estimated_seats', buckets: [1, 2, 4, 10], labels: flow, help: 'Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness' });
  const execution = metrics.histogram({ name: 'apiserver_flowcontrol_request_execution_seconds', buckets: EXECUTION_BUCKETS, labels: [...flow, 'type'], help: 'Duration of request execution.' });
  return {
    finished(info, { request, response, longRunning, seconds }) {
      const { group, resource, subresource, version } = info;
      const verb = verbOf(info);
      const scope = scopeOf(info);
      const dryRun = info.query.has('dryRun') ? 'All' : '';
      const code = String(response.status);
      const labels = ['apiserver', group, resource, scope, subresource, verb, version];
      total.inc([code, 'apiserver', dryRun, group, resource, scope, subresource, systemClient(header(request, 'user-agent')), verb, version]);
      if (response.status === 429 || response.status === 504) terminated.inc([code, ...labels]);
      if (longRunning) return;
      duration.observe(seconds, ['apiserver', dryRun, group, resource, scope, subresource, verb, version]);
      indicator.observe(seconds, labels);
      const size = Buffer.isBuffer(response.body) ? response.body.length : Number(response.headers['content-length'] ?? NaN);
      if (size >= 0 && info.isResourceRequest) responses.observe(size, labels);
      if (!FIELD_VALIDATION_VERBS.has(request.method) || !info.isResourceRequest) return;
      const sent = Number(header(request, 'content-length') || NaN);
      if (sent >= 0) bodies.observe(sent, [group, resource, info.verb]);
      validated.observe(seconds, [info.query.get('fieldValidation') || 'Warn']);
    },
    longRunning(info, by) {
      running.add(by, ['apiserver', info.group, info.resource, scopeOf(info), info.subresource, verbOf(info), info.version]);
    },
    executing({ flowSchema, priorityLevel }, seconds) {
      const labels = [flowSchema, priorityLevel];
      dispatched.inc(labels);
      current.add(1, labels);
      seats.add(1, labels);
      estimated.observe(1, labels);
      return () => {
        current.add(-1, labels);
        seats.add(-1, labels);
        execution.observe(seconds(), [...labels, 'regular']);
      };
    },
  };
}

function systemClient(userAgent: string): string {
  const slash = userAgent.indexOf('/');
  const program = slash < 0 ? '' : userAgent.slice(0, slash);
  return SYSTEM_CLIENTS.has(program) ? program : '';
}

function scopeOf(info: RequestInfo): string {
  if (!info.isResourceRequest) return '';
  if (info.name !== '') return 'resource';
  return info.namespace === '' ? 'cluster' : 'namespace';
}

const REPORTED: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', get: 'GET', list: 'LIST', watch: 'WATCH', delete: 'DELETE', deletecollection: 'DELETECOLLECTION', connect: 'CONNECT', post: 'POST', put: 'PUT', head: 'GET', proxy: 'CONNECT' };

function verbOf(info: RequestInfo): string { return REPORTED[info.verb] ?? 'other'; }
