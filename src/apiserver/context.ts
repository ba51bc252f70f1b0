/**
 * What a handler gets to see of a request, and the small ways to answer it.
 */
import { rfc3339 } from '#base/clock';
import type { AuditRecord } from './audit/audit-log.ts';
import type { ApiRequest, ApiResponse, RequestInfo, UserInfo } from './request.ts';

export interface RequestContext {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  /** After impersonation. */
  readonly user: UserInfo;
  /** Aborts when the caller goes away, the deadline passes or the server stops. */
  readonly signal: AbortSignal;
  /** Wall clock at the request's arrival. */
  readonly nowMs: number;
  /** Texts of `Warning` headers, in order, each once. */
  readonly warnings: string[];
  readonly auditAnnotations: Map<string, string>;
  /** Of an audited request. */
  readonly audit?: AuditRecord | undefined;
}

export type Handler = (context: RequestContext) => Promise<ApiResponse>;

/** Upstream stops adding warnings beyond this. */
const WARNINGS_MAX = 64;

export function warn(context: RequestContext, text: string): void {
  if (text !== '' && context.warnings.length < WARNINGS_MAX && !context.warnings.includes(text)) context.warnings.push(text);
}

export function nowText(context: RequestContext): string { return rfc3339(context.nowMs); }

export const JSON_TYPE = 'application/json';
export const TEXT_TYPE = 'text/plain; charset=utf-8';

export function bytesResponse(status: number, contentType: string, body: Buffer): ApiResponse {
  return { status, headers: { 'content-type': contentType }, body };
}

export function jsonResponse(status: number, body: unknown): ApiResponse {
  return bytesResponse(status, JSON_TYPE, Buffer.from(JSON.stringify(body)));
}

/** For eyes: what is not an object of the API stands over several lines. */
export function indentedJsonResponse(status: number, body: unknown): ApiResponse {
  return bytesResponse(status, JSON_TYPE, Buffer.from(JSON.stringify(body, undefined, 2)));
}

export function textResponse(status: number, text: string): ApiResponse {
  return bytesResponse(status, TEXT_TYPE, Buffer.from(text));
}

/** Header that may be repeated, as one text. */
export function header(request: ApiRequest, name: string): string {
  const value = request.headers[name];
  return value === undefined ? '' : typeof value === 'string' ? value : value.join(', ');
}
