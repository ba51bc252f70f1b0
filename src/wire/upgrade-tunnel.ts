/**
 * Passes an upgraded connection on to another server, byte for byte: the request's head is written anew, everything after it, the
 * other server's answer included, is copied in both directions.
 *
 * Only the headers the upgrade needs are passed on: credentials of the caller never are.
 */
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Duplex } from 'node:stream';

export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: ConnectionOptions;
  /** Request target with query. */
  readonly path: string;
  readonly method: string;
}

const PASSED = ['upgrade', 'x-stream-protocol-version', 'user-agent', 'sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions', 'origin', 'accept'];

/** @throws when the target does not take the connection. */
export async function dial(target: Pick<TunnelTarget, 'host' | 'port' | 'tls'>, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const options = { host: target.host, port: target.port };
  const socket = target.tls === undefined ? connectTcp(options) : connectTls({ ...target.tls, ...options });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => { socket.destroy(); reject(signal.reason as Error); };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => { signal.removeEventListener('abort', onAbort); reject(error); });
    socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => { signal.removeEventListener('abort', onAbort); resolve(); });
  });
  return socket;
}

/** The head of an upgrade request. */
export function upgradeHead(target: TunnelTarget, headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const lines = [`${target.method} ${target.path} HTTP/1.1`, `Host: ${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`, 'Connection: Upgrade'];
  for (const name of PASSED) {
    const value = headers[name];
    for (const text of Array.isArray(value) ? value : value === undefined ? [] : [value]) lines.push(`${name}: ${text}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Copies both ways; each side's end is passed on once what it sent before has left. Resolves when both are over. */
export async function splice(a: Duplex, b: Duplex): Promise<void> {
  await Promise.all([copy(a, b), copy(b, a)]);
}

function copy(from: Duplex, to: Duplex): Promise<void> {
  from.pipe(to);
  return new Promise((resolve) => {
    const over = (): void => {
      // Not destroyed at once: what is buffered for the other side still has to leave.
      if (to.writableFinished) to.destroy(); else to.end(() => to.destroy());
      resolve();
    };
    from.once('error', over);
    from.once('close', over);
    to.once('error', () => from.destroy());
    to.once('close', () => { from.destroy(); resolve(); });
  });
}

/**
 * @param client the caller's connection after its upgrade request, with bytes already read in `head`.
 * @throws when the target cannot be reached; nothing was written to the client then.
 */
export async function tunnelUpgrade(
  target: TunnelTarget, headers: Readonly<Record<string, string | string[] | undefined>>, client: Duplex, head: Buffer, signal: AbortSignal,
): Promise<void> {
  const server = await dial(target, signal);
  server.write(upgradeHead(target, headers));
  if (head.length > 0) server.write(head);
  await splice(client, server);
}
