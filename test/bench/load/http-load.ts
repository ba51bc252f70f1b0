/** Keeps a number of requests in flight for a time, one a connection, and tells rate and latencies. */
import { HttpConnection, type Endpoint } from './http-connection.ts';
import { spreadOf, type Spread } from './spread.ts';

/** Opened beforehand and used for all rounds: handshakes are not what is measured. */
export function openConnections(endpoint: Endpoint, count: number): Promise<HttpConnection[]> {
  return Promise.all(Array.from({ length: count }, () => HttpConnection.open(endpoint)));
}

export interface LoadOptions {
  /** One request in flight on each. */
  readonly connections: readonly HttpConnection[];
  readonly durationMs: number;
  /** The n-th request. */
  readonly request: (n: number) => Buffer | string;
  /** Statuses that count; any other ends the benchmark. */
  readonly expect: number;
  /** Gets each answer's body. */
  readonly onBody?: (n: number, body: Buffer) => void;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly latencyMs: Spread;
}

/** @throws Error on an unexpected status: a figure of refusals is none. */
export async function httpLoad(options: LoadOptions): Promise<LoadResult> {
  const keep = { keep: options.onBody !== undefined };
  const tookMs: number[] = [];
  let next = 0;
  const startMs = performance.now();
  const endMs = startMs + options.durationMs;
  await Promise.all(options.connections.map(async (connection) => {
    while (performance.now() < endMs) {
      const n = next++;
      const answer = await connection.request(options.request(n), keep);
      if (answer.status !== options.expect) throw new Error(`request ${n} was answered with ${answer.status} instead of ${options.expect}`);
      tookMs.push(answer.wholeMs);
      options.onBody?.(n, answer.body!);
    }
  }));
  return { perSecond: tookMs.length / (performance.now() - startMs) * 1000, latencyMs: spreadOf(tookMs) };
}

/** A request as bytes. */
export function httpRequest(method: string, path: string, body?: string, headers = ''): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n${headers}`;
  return body === undefined ? `${head}\r\n` : `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
