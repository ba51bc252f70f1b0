/**
 * Reads a request of HTTP/1.1 that lies whole at the start of the bytes at hand, if it is one of the plain kind that nearly all are.
 *
 * Invariant: what is read here, two parsers could not read differently (RFC 9112 §11.2). Whatever is not of the narrow grammar
 * below, repeats a header or asks for more than an answer is not judged here but left to Node's parser, with its first byte.
 */
import type { ApiRequest } from './request.ts';
import { isIdentityHeader } from './authn/identity-headers.ts';

export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: ApiRequest['headers'];
  readonly body: Buffer;
  /** What came behind it: the next one. */
  readonly rest: Buffer | undefined;
}

/** `more`: nothing speaks against it, but its body is still to come. */
export type Reading = PlainRequest | 'more' | 'other';

const HEAD_BYTES_MAX = 8 * 1024;
const HEADER_COUNT_MAX = 50;
/** Bodies that are waited for; a larger one that does not come with its head is read as a stream. */
const BODY_BYTES_MAX = 64 * 1024;
const NOTHING = Buffer.alloc(0);
const HEAD_END = Buffer.from('\r\n\r\n');

const HEAD = /^(GET|POST|PUT|PATCH|DELETE) (\/[\x21-\x7e]*) HTTP\/1\.1((?:\r\n[A-Za-z][A-Za-z0-9-]*:[\x20-\x7e]*)+)$/;
const HOST = /^[\w.:[\]-]+$/;
const LENGTH = /^(?:0|[1-9][0-9]{0,6})$/;
/** They change how the connection goes on, or how the body is read. */
const NOT_PLAIN: ReadonlySet<string> = new Set(['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'te', 'trailer', 'http2-settings', 'proxy-connection']);

export function readPlainRequest(bytes: Buffer): Reading {
  const headBytes = bytes.indexOf(HEAD_END);
  if (headBytes < 0 || headBytes > HEAD_BYTES_MAX) return 'other';
  const head = HEAD.exec(bytes.toString('latin1', 0, headBytes));
  if (head === null) return 'other';
  const headers = plainHeaders(head[3]!);
  if (headers === undefined) return 'other';
  const declared = headers['content-length'] ?? '0';
  if (typeof declared !== 'string' || !LENGTH.test(declared)) return 'other';
  const from = headBytes + HEAD_END.length;
  const end = from + Number(declared);
  if (bytes.length < end) return head[1] !== 'GET' && Number(declared) <= BODY_BYTES_MAX ? 'more' : 'other';
  return {
    method: head[1]!, target: head[2]!, headers, body: end === from ? NOTHING : bytes.subarray(from, end), rest: end === bytes.length ? undefined : bytes.subarray(end),
  };
}

/** @param lines each with its `\r\n` before it. */
function plainHeaders(lines: string): Record<string, string | string[] | undefined> | undefined {
  const headers: Record<string, string | string[] | undefined> = {};
  let count = 0;
  for (let at = 2; at < lines.length;) {
    const colon = lines.indexOf(':', at);
    let end = lines.indexOf('\r\n', colon);
    if (end < 0) end = lines.length;
    const name = lines.slice(at, colon).toLowerCase();
    if (headers[name] !== undefined || NOT_PLAIN.has(name) || ++count > HEADER_COUNT_MAX) return undefined;
    const value = lines.slice(colon + 1, end).trim();
    headers[name] = isIdentityHeader(name) ? [value] : value;
    at = end + 2;
  }
  const { host, connection } = headers;
  if (typeof host !== 'string' || !HOST.test(host)) return undefined;
  if (typeof connection === 'string' && connection.toLowerCase() !== 'keep-alive') return undefined;
  return headers;
}
