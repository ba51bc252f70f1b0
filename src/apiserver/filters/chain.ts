/**
 * The filters every request passes, outermost first:
 *
 *     audit id → request info → authentication → audit → impersonation → places in flight → authorization → deadline → handler
 *
 * Whatever is thrown inside becomes a Status here; nothing else answers errors.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import { parseDurationMs } from '#machinery/duration';
import { newBadRequest, newInternalError, newStatusError, newTimeout, StatusError } from '#machinery/status-error';
import type { AuditLog, AuditRecord } from '../audit/audit-log.ts';
import { authenticateRequest, AuthenticationFailure } from '../authn/request-authentication.ts';
import type { Authenticator } from '../authn/authenticator.ts';
import type { Impersonation } from '../authn/impersonation.ts';
import { attributesOf } from '../authz/attributes.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { forbidden } from '../authz/forbidden.ts';
import { header, warn, type Handler, type RequestContext } from '../context.ts';
import { LazyAbort } from '../lazy-abort.ts';
import { noticingEnd } from '../noticing-end.ts';
import type { ApiHandler, ApiRequest, ApiResponse, RequestInfo, UserInfo } from '../request.ts';
import { parseRequestInfo } from '../request-info.ts';
import { BODY_TOO_SLOW } from './body.ts';
import { callerMetrics, type CallerMetrics } from './caller-metrics.ts';
import { compress } from './compression.ts';
import type { InFlight } from './in-flight.ts';
import { isLongRunning } from './long-running.ts';
import { requestMetrics } from './request-metrics.ts';

export const REQUEST_TIMEOUT_MS = 60_000;

/** Which flow schema and priority level a request belongs to; their uids go into the answer's headers. */
export type FlowClassifier = (info: RequestInfo, user: UserInfo) => { readonly flowSchemaUid: string; readonly priorityLevelUid: string; readonly flowSchema: string; readonly priorityLevel: string } | undefined;

export interface ChainOptions {
  readonly handler: Handler;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly authenticators: readonly Authenticator[];
  readonly anonymous: boolean;
  readonly authorizer: Authorizer;
  readonly impersonation: Impersonation | undefined;
  readonly inFlight: InFlight;
  readonly classify: FlowClassifier;
  readonly audit: AuditLog | undefined;
  /** A Status in the form the client accepts. */
  readonly statusResponse: (request: ApiRequest, info: RequestInfo | undefined, error: StatusError) => ApiResponse;
  /** Aborts when the server stops: ends watches. */
  readonly stopping: AbortSignal;
}

interface Passage {
  readonly request: ApiRequest;
  readonly auditId: string;
  readonly arrivedMs: number;
  readonly warnings: string[];
  info?: RequestInfo;
  context?: RequestContext;
  flow?: ReturnType<FlowClassifier>;
  audit?: AuditRecord;
}

export function filterChain(options: ChainOptions): ApiHandler {
  const { clock, random, log } = options;
  const metrics = requestMetrics(options.metrics);
  const callers = callerMetrics(options.metrics);
  observeInFlight(options);
  const since = (startMs: number): number => (clock.monotonicNow() - startMs) / 1000;

  async function pass(passage: Passage): Promise<ApiResponse> {
    let { request } = passage;
    const info = parseRequestInfo(request.method, request.target);
    passage.info = info;
    const askedMs = clock.monotonicNow();
    const caller = await authenticateRequest(request, options);
    callers.known(caller, since(askedMs));
    const audit = options.audit?.begin({ ...passage, info, user: caller.user });
    if (audit !== undefined) {
      passage.audit = audit;
      request = audit.watchBody(request);
    }
    passage.warnings.push(...caller.warnings);
    let user = caller.user;
    if (options.impersonation !== undefined) {
      const acting = await options.impersonation.impersonate(request.headers, attributesOf(user, info));
      if (acting !== undefined) {
        user = acting.user;
        audit?.impersonate(acting);
      }
    }
    passage.flow = options.classify(info, user);
    const long = isLongRunning(info);
    const leave = long ? options.inFlight.open(user) : options.inFlight.enter(info, user);
    const deadline = long ? undefined : startDeadline(clock, timeoutMs(info), passage.request);
    if (long) metrics.longRunning(info, 1);
    const startMs = clock.monotonicNow();
    const over = long || passage.flow === undefined ? undefined : metrics.executing(passage.flow, () => since(startMs));
    let left: ApiResponse | undefined;
    try {
      await authorize(options.authorizer, user, info, audit, callers, () => since(startMs));
      const scope = deadline?.scope ?? new LazyAbort(() => AbortSignal.any([request.signal, options.stopping]));
      const context: RequestContext = { request, info, user, get signal() { return scope.signal; }, nowMs: clock.now(), warnings: passage.warnings, auditAnnotations: audit?.annotations ?? new Map(), audit };
      passage.context = context;
      if (deadline !== undefined) return await deadline.race(options.handler(context));
      const response = await options.handler(context);
      left = whenOver(request, response, () => {
        metrics.longRunning(info, -1);
        leave();
      });
      return left;
    } finally {
      deadline?.cancel();
      over?.();
      if (left === undefined) {
        leave();
        if (long) metrics.longRunning(info, -1);
      }
    }
  }

  return async (request) => {
    const startMs = clock.monotonicNow();
    const auditId = header(request, 'audit-id').slice(0, 128) || random.uuid();
    const passage: Passage = { request, auditId, arrivedMs: clock.now(), warnings: [] };
    let response: ApiResponse;
    try {
      response = await pass(passage);
    } catch (thrown) {
      const error = asStatusError(thrown, request, log);
      response = options.statusResponse(request, passage.info, error);
      if (thrown instanceof AuthenticationFailure) callers.refused(since(startMs));
      if (thrown instanceof AuthenticationFailure && passage.info !== undefined) options.audit?.refuseLogin({ ...passage, info: passage.info }, error.status);
    }
    const { info, audit } = passage;
    if (audit !== undefined && info !== undefined) response = audit.respond(response, isLongRunning(info));
    const compressed = compress(request, response);
    response = compressed instanceof Promise ? await compressed : compressed;
    finishHeaders(response, auditId, passage);
    if (info !== undefined) metrics.finished(info, { request, response, longRunning: isLongRunning(info), seconds: since(startMs) });
    return response;
  };
}

/** Calls `over` once the answer is: at once, at the end of its body, or when the socket that was taken over closes. */
function whenOver(request: ApiRequest, response: ApiResponse, over: () => void): ApiResponse {
  if (response.hijacked === true && request.upgrade !== undefined && !request.upgrade.socket.destroyed) request.upgrade.socket.once('close', over);
  else if (Buffer.isBuffer(response.body)) over();
  else return { ...response, body: noticingEnd(response.body, over) };
  return response;
}

/** There is no queue here: what finds no place is sent away. */
function observeInFlight({ metrics, inFlight }: ChainOptions): void {
  const kinds = ['mutating', 'readOnly'] as const;
  const labels = ['request_kind'];
  metrics.observed({ labels, name: 'apiserver_current_inflight_requests', stability: 'STABLE', help: 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.' }, () => kinds.map((kind) => [[kind], inFlight.current(kind)]));
  metrics.observed({ labels, name: 'apiserver_current_inqueue_requests', help: 'Maximal number of queued requests in this apiserver per request kind in last second.' }, () => kinds.map((kind) => [[kind], 0]));
}

async function authorize(authorizer: Authorizer, user: UserInfo, info: RequestInfo, audit: AuditRecord | undefined, callers: CallerMetrics, seconds: () => number): Promise<void> {
  const attributes = attributesOf(user, info);
  const asked = authorizer.authorize(attributes);
  const decision = asked instanceof Promise ? await asked : asked;
  audit?.authorized(decision);
  callers.decided(decision, seconds());
  if (decision.decision !== 'allow') throw forbidden(attributes, decision.reason);
}

function timeoutMs(info: RequestInfo): number {
  const text = info.query.get('timeout');
  if (text === null || text === '') return REQUEST_TIMEOUT_MS;
  let parsed: number;
  try { parsed = parseDurationMs(text); } catch (error) { throw newBadRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`); }
  return parsed > 0 ? Math.min(parsed, REQUEST_TIMEOUT_MS) : REQUEST_TIMEOUT_MS;
}

interface Deadline { readonly scope: LazyAbort; race<T>(work: Promise<T>): Promise<T>; cancel(): void }

/** Aborts the loser: work that is too late sees its signal aborted. */
function startDeadline(clock: Clock, ms: number, request: ApiRequest): Deadline {
  const scope = new LazyAbort(() => request.signal);
  let late: ((error: StatusError) => void) | undefined;
  const timer = clock.setTimer(ms, () => {
    const error = request.readingBody === true ? newStatusError(408, '', BODY_TOO_SLOW) : newTimeout('request did not complete within requested timeout - context deadline exceeded');
    scope.abort(error);
    late?.(error);
  }, { unref: true });
  return {
    scope,
    race: (work) => new Promise((resolve, reject) => {
      late = reject;
      work.then(resolve, reject);
    }),
    cancel: () => { timer.cancel(); scope.leave(); },
  };
}

function asStatusError(thrown: unknown, request: ApiRequest, log: Logger): StatusError {
  if (thrown instanceof StatusError) return thrown;
  if (thrown instanceof AuthenticationFailure) {
    log.debug('Request was not authenticated', { reasons: thrown.reasons });
    return thrown.status;
  }
  if (request.signal.aborted) return newTimeout('request was cancelled by the client');
  log.error('Request failed', { method: request.method, path: request.target.split('?')[0], error: thrown });
  return newInternalError(thrown);
}

function finishHeaders(response: ApiResponse, auditId: string, passage: Passage): void {
  const { headers } = response;
  headers['audit-id'] = auditId;
  headers['cache-control'] ??= 'no-cache, private';
  if (passage.flow !== undefined) {
    headers['x-kubernetes-pf-flowschema-uid'] = passage.flow.flowSchemaUid;
    headers['x-kubernetes-pf-prioritylevel-uid'] = passage.flow.priorityLevelUid;
  }
  if (passage.context !== undefined) for (const text of passage.warnings) warn(passage.context, text);
  const warnings = passage.warnings.filter(isPrintable).map(warningHeader);
  if (warnings.length > 0) headers['warning'] = warnings;
}

/** RFC 7234: code 299, no agent, the text quoted. */
/** As upstream, a text that no header can carry is not told. */
function isPrintable(text: string): boolean { return text !== '' && !/\p{Cc}/u.test(text); }

/** Headers are bytes: what is beyond ASCII goes as UTF-8. */
function warningHeader(text: string): string {
  return `299 - "${Buffer.from(text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')).toString('latin1')}"`;
}
