/**
 * What passes along the API server's chain: the request, who asks, and what is asked (parsed once).
 *
 *     listener / in-process transport → filters → authn → RequestInfo → authz → admission → handler → store
 */
import type { Duplex } from 'node:stream';

export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What the caller presented on the connection. */
export interface ConnectionInfo {
  readonly remoteAddress: string;
  readonly localAddress?: string;
  readonly tls: boolean;
  /** DER of the verified client certificate, when one was presented. */
  readonly clientCertificate?: Buffer;
  /** The client's certificate chain was verified against the client CA. */
  readonly clientCertificateVerified?: boolean;
  /** Set by the in-process transport: authentication is done. */
  readonly user?: UserInfo;
}

export interface ApiRequest {
  readonly method: string;
  /** The raw request target: never normalised before authorization. */
  readonly target: string;
  /** Lower-case names; repeated headers joined by node's rules. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Reads the body once, up to the limit. @throws StatusError 413, 408, 400 */
  readBody(maxBytes: number): Promise<Buffer>;
  /** The body is being waited for: a deadline that passes now is the caller's. */
  readonly readingBody?: boolean;
  readonly connection: ConnectionInfo;
  /** Aborts when the caller goes away or the request's deadline passes. */
  readonly signal: AbortSignal;
  /** For exec, attach, port-forward and proxy: the raw connection after an Upgrade request. */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  /** A whole body, or pieces with back-pressure. */
  readonly body: Buffer | AsyncIterable<Buffer>;
  /** Aborts when the reader of the pieces is given up, in the middle of one: its connection (HTTP/2: stream) is to be cut. */
  readonly abandoned?: AbortSignal;
  /** The handler took the socket over; nothing is to be written. */
  readonly hijacked?: boolean;
}

export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;

/** Parsed once from method, path and query; authentication, authorization, audit, admission and routing all read it. */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  /** Path without query, percent-decoded per segment. */
  readonly path: string;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, `connect`; for other paths the lower-case method. */
  readonly verb: string;
  readonly apiPrefix: string;
  readonly group: string;
  readonly version: string;
  /** Empty for cluster-scoped requests. */
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Segments after the subresource (proxy path), raw. */
  readonly rest: string;
  readonly query: URLSearchParams;
  /** From the query, for authorization of lists and watches. */
  readonly fieldSelector: string;
  readonly labelSelector: string;
}
