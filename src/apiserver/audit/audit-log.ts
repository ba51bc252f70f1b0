/**
 * The audit log: who asked what, when, and what became of it, one JSON line per stage of a request.
 *
 *     RequestReceived → (ResponseStarted, for watches and streams) → ResponseComplete
 *
 * A refused login has ResponseStarted alone. Events are made where the request passes (`filters/chain.ts`); what the caller
 * sent and got is kept only when the policy asks for it, as it was at that moment.
 */
import { rfc3339Micro, type Clock } from '#base/clock';
import type { Status } from '#machinery/meta';
import type { Impersonated } from '../authn/impersonation.ts';
import type { Decision } from '../authz/authorizer.ts';
import { noticingEnd } from '../noticing-end.ts';
import type { ApiRequest, ApiResponse, RequestInfo, UserInfo } from '../request.ts';
import { auditedUser, objectRef, withoutManagedFields, type AuditEvent, type ObjectRef } from './event.ts';
import { auditDecision, type AuditDecision, type AuditPolicy, type Stage } from './policy.ts';

/** Takes whole lines. What cannot be written is the sink's to report: a full disk must not stop the cluster. */
export interface AuditSink { write(line: string): void }

export interface Arrival { readonly request: ApiRequest; readonly info: RequestInfo; readonly user: UserInfo; readonly auditId: string; readonly arrivedMs: number }

export interface AuditLog {
  /** Undefined when the request is not audited. */
  begin(arrival: Arrival): AuditRecord | undefined;
  /** The caller could not be authenticated. */
  refuseLogin(arrival: Omit<Arrival, 'user'>, status: Status): void;
  /** Given to the sink so far. */
  readonly eventCount: number;
}

/** One audited request. */
export interface AuditRecord {
  readonly annotations: Map<string, string>;
  impersonate(acting: Impersonated): void;
  authorized(decision: Decision): void;
  /** @returns the request to go on with: a patch's body is kept as it came. */
  watchBody(request: ApiRequest): ApiRequest;
  /** The decoded object, defaults included. */
  requestObject(object: unknown): void;
  deleteOptions(options: object): void;
  /** @returns the answer to send: of a streamed one, the end is noticed. */
  respond(response: ApiResponse, isLongRunning: boolean): ApiResponse;
}

export function createAuditLog(options: { policy: AuditPolicy; sink: AuditSink; clock: Clock }): AuditLog {
  const { policy, sink, clock } = options;
  let eventCount = 0;
  const write = (decision: AuditDecision, stage: Stage, event: AuditEvent): void => {
    if (decision.omitStages.has(stage)) return;
    eventCount++;
    sink.write(`${JSON.stringify({ ...event, stage, stageTimestamp: rfc3339Micro(clock.now()) })}\n`);
  };
  return {
    get eventCount() { return eventCount; },
    begin(arrival) {
      const decision = auditDecision(policy, arrival.user, arrival.info);
      if (decision.level === 'None') return undefined;
      const event = newEvent(decision, arrival, arrival.user);
      write(decision, 'RequestReceived', event);
      return record(decision, event, (stage, state) => write(decision, stage, state));
    },
    refuseLogin(arrival, status) {
      const nobody: UserInfo = { name: '', groups: [] };
      const decision = auditDecision(policy, nobody, arrival.info);
      if (decision.level === 'None') return;
      write(decision, 'ResponseStarted', { ...newEvent(decision, arrival, nobody), responseStatus: bare(status) });
    },
  };
}

function newEvent(decision: AuditDecision, { request, info, auditId, arrivedMs }: Omit<Arrival, 'user'>, user: UserInfo): AuditEvent {
  const ref = objectRef(info);
  const userAgent = request.headers['user-agent'];
  return {
    kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: decision.level, auditID: auditId, stage: 'RequestReceived', requestURI: request.target, verb: info.verb,
    user: auditedUser(user), sourceIPs: sourceAddresses(request), ...(typeof userAgent === 'string' ? { userAgent } : {}),
    ...(ref === undefined ? {} : { objectRef: ref }), requestReceivedTimestamp: rfc3339Micro(arrivedMs), stageTimestamp: '',
  };
}

function sourceAddresses({ headers, connection }: ApiRequest): string[] {
  const forwarded = headers['x-forwarded-for'];
  const given = (typeof forwarded === 'string' ? forwarded.split(',') : forwarded ?? []).map((address) => address.trim()).filter((address) => /^[0-9a-fA-F:.]{2,45}$/.test(address));
  return [...new Set([...given, connection.remoteAddress])];
}

function bare({ kind: _kind, apiVersion: _apiVersion, ...status }: Status): Status {
  return { metadata: {}, ...status };
}

/** Annotations that show what was in a request: only where requests are kept. */
const OF_REQUESTS = 'patch.webhook.admission.k8s.io/';
const MAX_CAPTURED_BYTES = 1_536 * 1024;

function record(decision: AuditDecision, event: AuditEvent, write: (stage: Stage, event: AuditEvent) => void): AuditRecord {
  const annotations = new Map<string, string>();
  const keepsRequest = decision.level === 'Request' || decision.level === 'RequestResponse';
  const keepsResponse = decision.level === 'RequestResponse';
  let state = event;
  let body: Buffer | undefined;
  const cleaned = (object: unknown): unknown => (decision.omitManagedFields ? withoutManagedFields(object) : object);
  const shown = ([key]: readonly [string, string]): boolean => keepsRequest || !key.startsWith(OF_REQUESTS);
  const current = (): AuditEvent => (annotations.size === 0 ? state : { ...state, annotations: Object.fromEntries([...annotations].filter(shown).sort(([a], [b]) => (a < b ? -1 : 1))) });

  function complete(ref: ObjectRef | undefined, object: { metadata?: { namespace?: string; name?: string; uid?: string; resourceVersion?: string } }): ObjectRef | undefined {
    if (ref === undefined) return undefined;
    const meta = object.metadata ?? {};
    const known = (value: string | undefined): value is string => value !== undefined && value !== '';
    return {
      ...ref, ...(!known(ref.namespace) && known(meta.namespace) ? { namespace: meta.namespace } : {}), ...(!known(ref.name) && known(meta.name) ? { name: meta.name } : {}),
      ...(known(meta.uid) ? { uid: meta.uid } : {}), ...(known(meta.resourceVersion) ? { resourceVersion: meta.resourceVersion } : {}),
    };
  }

  return {
    annotations,
    impersonate({ user, constraint }) {
      state = { ...state, impersonatedUser: auditedUser(user), ...(constraint === '' ? {} : { authenticationMetadata: { impersonationConstraint: constraint } }) };
    },
    authorized({ decision: answer, reason }) {
      annotations.set('authorization.k8s.io/decision', answer === 'allow' ? 'allow' : 'forbid');
      annotations.set('authorization.k8s.io/reason', reason);
    },
    watchBody(request) {
      if (!keepsRequest || state.verb !== 'patch') return request;
      return { ...request, readBody: async (maxBytes) => (body = await request.readBody(maxBytes)) };
    },
    requestObject(object) {
      const ref = complete(state.objectRef, object as object);
      state = { ...state, ...(ref === undefined ? {} : { objectRef: ref }), ...(keepsRequest ? { requestObject: cleaned(structuredClone(object)) } : {}) };
    },
    deleteOptions(options) {
      if (keepsRequest) state = { ...state, requestObject: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/__internal', ...options } };
    },
    respond(response, isLongRunning) {
      if (body !== undefined && body.length <= MAX_CAPTURED_BYTES) state = { ...state, ...asJson('requestObject', body, cleaned) };
      const streamed = !Buffer.isBuffer(response.body) || response.hijacked === true;
      state = { ...state, ...answerOf(response, streamed, keepsResponse, cleaned) };
      if (isLongRunning) write('ResponseStarted', current());
      if (!streamed || response.hijacked === true) {
        write('ResponseComplete', current());
        return response;
      }
      return { ...response, body: noticingEnd(response.body as AsyncIterable<Buffer>, () => write('ResponseComplete', current())) };
    },
  };
}

function asJson(key: 'requestObject' | 'responseObject', bytes: Buffer, cleaned: (object: unknown) => unknown): Partial<AuditEvent> {
  try {
    return { [key]: cleaned(JSON.parse(bytes.toString('utf8'))) };
  } catch {
    return {};
  }
}

function answerOf({ status, body }: ApiResponse, streamed: boolean, keepsResponse: boolean, cleaned: (object: unknown) => unknown): Partial<AuditEvent> {
  const plain: Partial<AuditEvent> = { responseStatus: { metadata: {}, code: status } };
  if (streamed || (body as Buffer).length > MAX_CAPTURED_BYTES) return plain;
  const isStatus = status >= 400 || (body as Buffer).subarray(0, 200).includes('"kind":"Status"');
  if (!isStatus && !keepsResponse) return plain;
  const { responseObject } = asJson('responseObject', body as Buffer, cleaned);
  if (responseObject === undefined || typeof responseObject !== 'object') return plain;
  const kept: Partial<AuditEvent> = keepsResponse ? { responseObject } : {};
  return (responseObject as Status).kind === 'Status' ? { ...kept, responseStatus: { ...bare(responseObject as Status), code: status } } : { ...kept, ...plain };
}
