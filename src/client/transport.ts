/**
 * How a component reaches an API server: one request in, one streamed answer out.
 *
 * The same component code runs over HTTPS (`https-transport.ts`) and, in the all-in-one and the test cluster, in-process:
 * there the API server's handler chain itself is the transport, with the identity given when it was made.
 */

export interface TransportRequest {
  readonly method: string;
  /** Path with query, already percent-encoded: `/api/v1/pods?limit=500`. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal?: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body in pieces; must be consumed or `cancel`led. */
  readonly body: AsyncIterable<Buffer>;
  /** Stops the answer and frees its connection; safe after the end. */
  cancel(): void;
}

export interface Transport {
  /** @throws TransportError when no answer came (the request may or may not have been applied). */
  request(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}

export class TransportError extends Error {
  /** The request never reached the server; it is safe to send again. */
  readonly neverSent: boolean;
  constructor(message: string, options: { cause?: unknown; neverSent?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.neverSent = options.neverSent ?? false;
  }
}
