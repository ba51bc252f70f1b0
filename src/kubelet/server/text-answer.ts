/**
 * A whole answer of a route at once, with its length.
 */
import type { ServerResponse } from 'node:http';

export function text(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  if (response.headersSent) { response.end(); return; }
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'X-Content-Type-Options': 'nosniff' });
  response.end(body);
}
