/** Opens a SPDY/3.1 connection to an HTTP server by an Upgrade request. */
import type { Duplex } from 'node:stream';
import { dial, upgradeHead, type TunnelTarget } from '../upgrade-tunnel.ts';
import { SpdyConnection } from './connection.ts';

const ANSWER_HEAD_BYTES_MAX = 64 * 1024;

/** The server answered with something else than 101. */
export class UpgradeRefusedError extends Error {
  readonly status: number;
  readonly body: string;
  constructor(status: number, body: string) {
    super(`upgrade refused with ${status}: ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

/** The transport of an upgraded connection, with the bytes that followed the answer's head. */
export interface Upgraded { readonly transport: Duplex; readonly head: Buffer; readonly protocol: string }

/** @param protocols offered as X-Stream-Protocol-Version. @throws UpgradeRefusedError */
export async function upgradeToSpdy(target: Omit<TunnelTarget, 'method'>, protocols: readonly string[], signal: AbortSignal): Promise<Upgraded> {
  const transport = await dial(target, signal);
  transport.write(upgradeHead({ ...target, method: 'POST' }, { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': [...protocols] }));
  const { status, headers, rest } = await readAnswerHead(transport, signal);
  if (status !== 101) {
    transport.destroy();
    throw new UpgradeRefusedError(status, rest.toString('utf8'));
  }
  return { transport, head: rest, protocol: headers.get('x-stream-protocol-version') ?? '' };
}

export async function openSpdy(target: Omit<TunnelTarget, 'method'>, protocols: readonly string[], signal: AbortSignal): Promise<SpdyConnection> {
  const { transport, head } = await upgradeToSpdy(target, protocols, signal);
  return new SpdyConnection(transport, { role: 'client', head });
}

async function readAnswerHead(transport: Duplex, signal: AbortSignal): Promise<{ status: number; headers: Map<string, string>; rest: Buffer }> {
  let received = Buffer.alloc(0);
  for (;;) {
    const end = received.indexOf('\r\n\r\n');
    if (end >= 0) {
      const lines = received.toString('latin1', 0, end).split('\r\n');
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(lines[0]!)?.[1] ?? 0);
      const headers = new Map(lines.slice(1).map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }));
      return { status, headers, rest: received.subarray(end + 4) };
    }
    if (received.length > ANSWER_HEAD_BYTES_MAX) throw new Error('the answer to an upgrade has no end');
    const chunk = await nextChunk(transport, signal);
    if (chunk === undefined) throw new Error('the connection ended before the upgrade was answered');
    received = Buffer.concat([received, chunk]);
  }
}

function nextChunk(transport: Duplex, signal: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      transport.off('readable', onReadable);
      transport.off('end', onEnd);
      transport.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onReadable = (): void => {
      const chunk = transport.read() as Buffer | null;
      if (chunk !== null) settle(() => resolve(chunk));
    };
    const onEnd = (): void => settle(() => resolve(undefined));
    const onError = (error: Error): void => settle(() => reject(error));
    const onAbort = (): void => settle(() => { transport.destroy(); reject(signal.reason as Error); });
    transport.on('readable', onReadable);
    transport.on('end', onEnd);
    transport.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
