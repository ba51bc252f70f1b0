/**
 * gzip for large answers to clients that accept it. Small answers go out as they are: below the threshold the time costs more
 * than the bytes.
 */
import { createGzip, constants, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { header } from '../context.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';

export const GZIP_BYTES_MIN = 128 * 1024;
const OPTIONS = { level: constants.Z_BEST_SPEED };
const gzipBuffer = promisify(gzip) as (data: Buffer, options: typeof OPTIONS) => Promise<Buffer>;

/** Streams say their size in `content-length`; one that does not (a watch) is never compressed. */
export function compress(request: ApiRequest, response: ApiResponse): Promise<ApiResponse> | ApiResponse {
  const { body } = response;
  const bytes = Buffer.isBuffer(body) ? body.length : Number(response.headers['content-length'] ?? 0);
  if (bytes < GZIP_BYTES_MIN || response.headers['content-encoding'] !== undefined || !acceptsGzip(header(request, 'accept-encoding'))) return response;
  return compressed(response);
}

async function compressed(response: ApiResponse): Promise<ApiResponse> {
  const { body } = response;
  const { 'content-length': _length, ...kept } = response.headers;
  const vary = kept['vary'] === undefined ? 'Accept-Encoding' : kept['vary'];
  const headers = { ...kept, 'content-encoding': 'gzip', vary };
  if (Buffer.isBuffer(body)) return { ...response, headers, body: await gzipBuffer(body, OPTIONS) };
  return { ...response, headers, body: gzipStream(body) };
}

function acceptsGzip(accept: string): boolean {
  return accept !== '' && accept.split(',').some((part) => part.trim().split(';')[0]!.trim() === 'gzip');
}

async function* gzipStream(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = createGzip(OPTIONS);
  const feeding = (async () => {
    try {
      for await (const chunk of body) {
        if (!stream.write(chunk)) await new Promise<void>((resolve) => { stream.once('drain', resolve); stream.once('close', resolve); });
        if (stream.destroyed) return;
      }
      stream.end();
    } catch (error) {
      stream.destroy(error as Error);
    }
  })();
  try {
    for await (const chunk of stream) yield chunk as Buffer;
    await feeding;
  } finally {
    stream.destroy();
  }
}
