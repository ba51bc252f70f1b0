/** One HTTP request to a kubelet, pod or service behind the API server, its answer streamed back. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ApiResponse } from '../request.ts';

export interface Backend {
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: { readonly key?: string; readonly cert?: string; readonly ca?: string; readonly rejectUnauthorized?: boolean };
}

export interface BackendRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer;
}

/** Headers of one hop. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/** @throws Error when no answer came. */
export async function askBackend(backend: Backend, ask: BackendRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const options: RequestOptions = { host: backend.host, port: backend.port, method: ask.method, path: ask.path, headers: { ...ask.headers }, signal, agent: false };
  return new Promise((resolve, reject) => {
    const request = backend.tls === undefined ? httpRequest(options) : httpsRequest({ ...options, ...backend.tls, servername: '' });
    request.once('response', resolve);
    request.once('error', reject);
    request.end(ask.body);
  });
}

export function streamedResponse(message: IncomingMessage): ApiResponse {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined && !HOP_HEADERS.has(name)) headers[name] = value;
  }
  return { status: message.statusCode ?? 502, headers, body: message as AsyncIterable<Buffer> };
}

export async function readText(message: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
