/**
 * The one error that crosses the API: a `Status` with upstream's reason, code, details and text. The same on server and client.
 *
 * Each reason has a constructor here; the predicates also accept a bare status code where the reason is unknown to us,
 * as answers of proxies in between have none.
 */
import { fieldErrorsText, toCause } from './field-error.ts';
import type { FieldError } from './field-error.ts';
import { quote } from './go-print.ts';
import type { Status, StatusCause, StatusDetails } from './meta.ts';

/** Reason → HTTP code. `null`: no code of its own, so that only the reason tells. */
const REASON_CODES: Readonly<Record<string, number | null>> = {
  BadRequest: 400, Unauthorized: 401, Forbidden: 403, NotFound: 404, MethodNotAllowed: 405, NotAcceptable: 406,
  AlreadyExists: null, Conflict: 409, Gone: 410, Expired: null, RequestEntityTooLarge: 413, UnsupportedMediaType: 415,
  Invalid: 422, TooManyRequests: 429, InternalError: 500, ServerTimeout: null, StoreReadError: null,
  ServiceUnavailable: 503, Timeout: 504,
};

export class StatusError extends Error {
  /** Ready to be sent: kind, apiVersion and metadata are set. */
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? '', options);
    this.name = 'StatusError';
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 0;
  }

  /** '' when there is none. */
  get reason(): string {
    return this.status.reason ?? '';
  }
}

function failure(code: number, reason: string, message: string, details?: StatusDetails): StatusError {
  return new StatusError({
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure',
    ...(message === '' ? {} : { message }), ...(reason === '' ? {} : { reason }), ...(details === undefined ? {} : { details: compact(details) }), code,
  });
}

/** Leaves out what Go's omitempty leaves out. */
function compact(details: StatusDetails): StatusDetails {
  const out: StatusDetails = {};
  if (details.name) out.name = details.name;
  if (details.group) out.group = details.group;
  if (details.kind) out.kind = details.kind;
  if (details.uid) out.uid = details.uid;
  if (details.causes && details.causes.length > 0) out.causes = details.causes;
  if (details.retryAfterSeconds) out.retryAfterSeconds = details.retryAfterSeconds;
  return out;
}

/** `deployments.apps`, `pods`; the same for kinds. */
function qualified(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}

export function newNotFound(group: string, resource: string, name: string): StatusError {
  return failure(404, 'NotFound', `${qualified(group, resource)} ${quote(name)} not found`, { group, kind: resource, name });
}

export function newAlreadyExists(group: string, resource: string, name: string): StatusError {
  return failure(409, 'AlreadyExists', `${qualified(group, resource)} ${quote(name)} already exists`, { group, kind: resource, name });
}

export function newGenerateNameConflict(group: string, resource: string, name: string, retryAfterSeconds: number): StatusError {
  return failure(409, 'AlreadyExists',
    `${qualified(group, resource)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`,
    { group, kind: resource, name, retryAfterSeconds });
}

export function newConflict(group: string, resource: string, name: string, message: string): StatusError {
  return failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(group, resource)} ${quote(name)}: ${message}`,
    { group, kind: resource, name });
}

/** Server-side apply: one cause per field that another manager owns. */
export function newApplyConflict(causes: StatusCause[], message: string): StatusError {
  return failure(409, 'Conflict', message, { causes });
}

export function newUnauthorized(message = ''): StatusError {
  return failure(401, 'Unauthorized', message === '' ? 'not authorized' : message);
}

export function newForbidden(group: string, resource: string, name: string, message: string): StatusError {
  let text = `forbidden: ${message}`;
  if (group !== '' || resource !== '') text = `${qualified(group, resource)}${name === '' ? '' : ` ${quote(name)}`} is ${text}`;
  return failure(403, 'Forbidden', text, { group, kind: resource, name });
}

/** @param kind the kind, not the resource, as clients expect here. */
export function newInvalid(group: string, kind: string, name: string, errors: readonly FieldError[]): StatusError {
  const text = `${qualified(group, kind)} ${quote(name)} is invalid`;
  return failure(422, 'Invalid', errors.length === 0 ? text : `${text}: ${fieldErrorsText(errors)}`,
    { group, kind, name, causes: errors.map(toCause) });
}

export function newBadRequest(message: string): StatusError {
  return failure(400, 'BadRequest', message);
}

/** @public */
export function newGone(message: string): StatusError {
  return failure(410, 'Gone', message);
}

/** A revision or continue token that is too old; clients list anew. */
export function newResourceExpired(message: string): StatusError {
  return failure(410, 'Expired', message);
}

export function newMethodNotSupported(group: string, resource: string, action: string): StatusError {
  return failure(405, 'MethodNotAllowed', `${action} is not supported on resources of kind ${quote(qualified(group, resource))}`,
    { group, kind: resource });
}

/** What the server answers where no media type of Accept is served. */
export function newNotAcceptable(accepted: readonly string[]): StatusError {
  return failure(406, 'NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);
}

/** What the server answers to a Content-Type it cannot read. */
export function newUnsupportedMediaType(accepted: readonly string[]): StatusError {
  return failure(415, 'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);
}

export function newRequestEntityTooLarge(message: string): StatusError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: ${message}`);
}

export function newTooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return failure(429, 'TooManyRequests', message, { retryAfterSeconds });
}

/** The client should not have asked so often; no time to wait is known. @public */
export function newTooManyRequestsError(message: string): StatusError {
  return failure(429, 'TooManyRequests', `Too many requests: ${message}`);
}

/** The request may still complete. */
export function newTimeout(message: string, retryAfterSeconds = 0): StatusError {
  return failure(504, 'Timeout', `Timeout: ${message}`, { retryAfterSeconds });
}

/** A fault that passes: the client should try again. @public */
export function newServerTimeout(group: string, resource: string, operation: string, retryAfterSeconds = 0): StatusError {
  return failure(500, 'ServerTimeout',
    `The ${operation} operation against ${qualified(group, resource)} could not be completed at this time, please try again.`,
    { group, kind: resource, name: operation, retryAfterSeconds });
}

export function newServiceUnavailable(message: string): StatusError {
  return failure(503, 'ServiceUnavailable', message);
}

export function newInternalError(error: unknown): StatusError {
  const message = error instanceof Error ? error.message : String(error);
  return failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** A failure of another sort: upstream sends 500 with the bare text and no reason where an error has no Status of its own. */
export function newUnknownError(message: string): StatusError {
  return failure(500, '', message);
}

/** Any code and reason, for the few answers that have no constructor upstream either. */
export function newStatusError(code: number, reason: string, message: string, details?: StatusDetails): StatusError {
  return failure(code, reason, message, details);
}

const GENERIC_TEXTS: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  409: ['Conflict', 'the server reported a conflict'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted, but may still be processing the request'],
};

export interface GenericResponse {
  readonly code: number;
  /** The HTTP method. */
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string;
  /** What the body said. */
  readonly serverMessage: string;
  readonly retryAfterSeconds: number;
  /** The body was no Status at all. */
  readonly unexpected: boolean;
}

/** For answers whose body is no Status: a text by the code alone. */
export function newGenericServerResponse(response: GenericResponse): StatusError {
  const { code, verb, group, resource, name, serverMessage, retryAfterSeconds } = response;
  let [reason, message] = GENERIC_TEXTS[code]
    ?? ['', `the server responded with the status code ${code} but did not return more information`];
  if (code === 409 && verb === 'POST') reason = 'AlreadyExists';
  if (code === 403) [reason, message] = ['Forbidden', serverMessage];
  if (code === 415) [reason, message] = ['UnsupportedMediaType', serverMessage];
  if (code === 406) {
    reason = 'NotAcceptable';
    message = serverMessage === '' || serverMessage === 'unknown'
      ? 'the server was unable to respond with a content type that the client supports' : serverMessage;
  }
  if (reason === '' && code >= 500) {
    [reason, message] = ['InternalError', `an error on the server (${quote(serverMessage)}) has prevented the request from succeeding`];
  }
  if (group !== '' || resource !== '') {
    message += ` (${verb.toLowerCase()} ${qualified(group, resource)}${name === '' ? '' : ` ${name}`})`;
  }
  const causes = response.unexpected ? [{ reason: 'UnexpectedServerResponse', message: serverMessage }] : [];
  return failure(code, reason, message, { group, kind: resource, name, causes, retryAfterSeconds });
}

/** Any thrown value as a Status to send: a StatusError as it is, everything else as 500 without details of the machine. */
export function toStatusError(error: unknown): StatusError {
  return error instanceof StatusError ? error : newInternalError(error);
}

function hasReason(error: unknown, reason: string): boolean {
  if (!(error instanceof StatusError)) return false;
  if (error.reason === reason) return true;
  return !Object.hasOwn(REASON_CODES, error.reason) && REASON_CODES[reason] === error.code;
}

export const isNotFound = (error: unknown): boolean => hasReason(error, 'NotFound');
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists');
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict');
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid');
export const isGone = (error: unknown): boolean => hasReason(error, 'Gone');
export const isResourceExpired = (error: unknown): boolean => hasReason(error, 'Expired');
/** @public */
export const isNotAcceptable = (error: unknown): boolean => hasReason(error, 'NotAcceptable');
/** @public */
export const isUnsupportedMediaType = (error: unknown): boolean => hasReason(error, 'UnsupportedMediaType');
export const isMethodNotSupported = (error: unknown): boolean => hasReason(error, 'MethodNotAllowed');
/** @public */
export const isServiceUnavailable = (error: unknown): boolean => hasReason(error, 'ServiceUnavailable');
export const isBadRequest = (error: unknown): boolean => hasReason(error, 'BadRequest');
/** @public */
export const isUnauthorized = (error: unknown): boolean => hasReason(error, 'Unauthorized');
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden');
/** @public */
export const isTimeout = (error: unknown): boolean => hasReason(error, 'Timeout');
/** @public */
export const isServerTimeout = (error: unknown): boolean => hasReason(error, 'ServerTimeout');
/** @public */
export const isInternalError = (error: unknown): boolean => hasReason(error, 'InternalError');
/** @public */
export const isStoreReadError = (error: unknown): boolean => hasReason(error, 'StoreReadError');
/** By the code too, whatever the reason. */
export const isTooManyRequests = (error: unknown): boolean =>
  hasReason(error, 'TooManyRequests') || (error instanceof StatusError && error.code === 429);
/** By the code too, whatever the reason. @public */
export const isRequestEntityTooLarge = (error: unknown): boolean =>
  hasReason(error, 'RequestEntityTooLarge') || (error instanceof StatusError && error.code === 413);

/** The cause of that type among the details, such as `NamespaceTerminating` or `DisruptionBudget`. */
export function statusCause(error: unknown, reason: string): StatusCause | undefined {
  return error instanceof StatusError ? error.status.details?.causes?.find((cause) => cause.reason === reason) : undefined;
}

/** Seconds the server asks to wait before the next try; undefined when it does not ask. @public */
export function suggestedDelaySeconds(error: unknown): number | undefined {
  if (!(error instanceof StatusError)) return undefined;
  const seconds = error.status.details?.retryAfterSeconds ?? 0;
  return error.reason === 'ServerTimeout' || seconds > 0 ? seconds : undefined;
}
