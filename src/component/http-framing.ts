/**
 * What no HTTPS server here takes, whatever it serves: framing that two parsers could read differently, and plain HTTP.
 *
 * Node's own parser refuses most of it (RFC 9112 §11.2); this is the rest. Paths are the business of whoever routes them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';

export const HEADERS_MAX = 200;
/** How often Node looks for requests that are too slow: its own 30 s would let a limit pass by as much. */
export const SLOW_REQUEST_CHECK_MS = 2_000;

export interface FramedRequest {
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
}

export interface FramingFault { readonly code: 400 | 415 | 431; readonly text: string }

/** RFC 9112 §3.2: one Host, and nothing in it that is no host. May be empty. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/** The connection cannot be used again after a fault. */
export function framingFault(request: FramedRequest): FramingFault | undefined {
  const { headers, rawHeaders } = request;
  if (rawHeaders.length > HEADERS_MAX * 2) return { code: 431, text: `the request has more than ${HEADERS_MAX} headers` };
  if (request.httpVersionMajor < 2) {
    let hosts = 0;
    for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') hosts++;
    if (hosts !== 1) return { code: 400, text: hosts === 0 ? 'the request has no Host header' : 'the request has several Host headers' };
    if (!HOST.test(headers.host!)) return { code: 400, text: 'the Host header is malformed' };
    const encoding = headers['transfer-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') return { code: 400, text: `transfer encoding ${JSON.stringify(encoding)} is not supported` };
    if (encoding !== undefined && request.httpVersionMinor < 1) return { code: 400, text: 'HTTP/1.0 has no transfer encodings' };
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity') return { code: 415, text: `content encoding ${JSON.stringify(encoding)} is not supported` };
  return undefined;
}

const PLAIN_HTTP_ANSWER = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';

interface Peer { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined }

/** Whoever speaks plain HTTP to a TLS server is told so, in the words of Go's server. */
export function answerPlainHttp(server: Server): void {
  const shaking = new Map<string, Duplex>();
  const nameOf = (peer: Peer): string => `${peer.remoteAddress} ${peer.remotePort}`;
  server.prependListener('connection', (socket: Duplex & Peer) => {
    const name = nameOf(socket);
    shaking.set(name, socket);
    socket.once('close', () => { if (shaking.get(name) === socket) shaking.delete(name); });
  });
  server.on('secureConnection', (socket: Peer) => shaking.delete(nameOf(socket)));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Peer) => {
    const plain = shaking.get(nameOf(socket));
    // The TLS layer closes the connection; what is written before that still goes out.
    if (error.code === 'ERR_SSL_HTTP_REQUEST' && plain?.writable === true) plain.write(PLAIN_HTTP_ANSWER);
  });
}
