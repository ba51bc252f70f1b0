/**
 * Exec and attach: from whatever the caller speaks to what container runtimes speak.
 *
 *     SPDY caller       ═══ bytes passed on ═══════════════ runtime (SPDY v4)
 *     WebSocket caller  ─ channels 0…4 ─→ streams stdin, stdout, stderr, error, resize ─→ runtime
 *
 * The runtime gave a one-time URL; whoever holds it runs the command, so it never leaves this node.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '#base/log';
import type { SpdyConnection, SpdyStream } from '#wire/spdy/connection';
import { openSpdy } from '#wire/spdy/client-upgrade';
import { tunnelUpgrade } from '#wire/upgrade-tunnel';
import { acceptChannels, type ChannelSocket } from '#wire/websocket/channel-socket';

export interface RemoteCommandStreams { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean; readonly tty: boolean }

const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
const SPDY_PROTOCOLS = ['v4.channel.k8s.io'];

export function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** @param runtimeUrl the URL that the runtime's Exec or Attach gave. @throws when the runtime cannot be reached. */
export async function serveRemoteCommand(
  request: IncomingMessage, socket: Duplex, head: Buffer, runtimeUrl: URL, streams: RemoteCommandStreams, log: Logger, signal: AbortSignal,
): Promise<void> {
  const target = { host: runtimeUrl.hostname, port: Number(runtimeUrl.port), path: `${runtimeUrl.pathname}${runtimeUrl.search}` };
  if (!isWebSocket(request)) {
    await tunnelUpgrade({ ...target, method: request.method ?? 'POST' }, request.headers, socket, head, signal);
    return;
  }
  const runtime = await openSpdy(target, SPDY_PROTOCOLS, signal);
  try {
    const channels = await acceptChannels(request, socket, head);
    if (channels !== undefined) await translate(channels, runtime, streams);
  } catch (error) {
    log.debug('a remote command ended with an error', { error });
  } finally {
    runtime.close();
  }
}

async function translate(channels: ChannelSocket, runtime: SpdyConnection, streams: RemoteCommandStreams): Promise<void> {
  const open = (streamType: string): Promise<SpdyStream> => runtime.createStream({ streamtype: streamType });
  const error = await open('error');
  const stdin = streams.stdin ? await open('stdin') : undefined;
  const stdout = streams.stdout ? await open('stdout') : undefined;
  const stderr = streams.stderr && !streams.tty ? await open('stderr') : undefined;
  const resize = streams.tty ? await open('resize') : undefined;

  channels.onCloseSignal((channel) => { if (channel === CHANNEL.stdin) stdin?.end(); });
  channels.onClosed(() => runtime.close());
  channels.onMessage((channel, data) => {
    const stream = channel === CHANNEL.stdin ? stdin : channel === CHANNEL.resize ? resize : undefined;
    if (stream === undefined || stream.writableEnded || stream.destroyed || stream.write(data)) return;
    const goOn = channels.pause();
    stream.once('drain', goOn);
    stream.once('close', goOn);
  });

  const [status] = await Promise.all([collect(error), pump(stdout, CHANNEL.stdout, channels), pump(stderr, CHANNEL.stderr, channels)]);
  if (status.length > 0) await channels.send(CHANNEL.error, isOldProtocol(channels.protocol) ? plainStatus(status) : status);
  channels.close();
}

/** Protocols before v4 show a failure as plain text, and success as nothing. */
function isOldProtocol(protocol: string): boolean {
  return !protocol.startsWith('v4.') && !protocol.startsWith('v5.');
}

function plainStatus(status: Buffer): Buffer {
  try {
    const { message, status: outcome } = JSON.parse(status.toString('utf8')) as { message?: string; status?: string };
    return Buffer.from(outcome === 'Success' ? '' : message ?? '');
  } catch {
    return status;
  }
}

const STATUS_BYTES_MAX = 64 * 1024;

function collect(stream: SpdyStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => { if ((bytes += chunk.length) <= STATUS_BYTES_MAX) chunks.push(chunk); });
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

function pump(stream: SpdyStream | undefined, channel: number, channels: ChannelSocket): Promise<void> {
  if (stream === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    let tail: Promise<void> = Promise.resolve();
    stream.on('data', (chunk: Buffer) => {
      stream.pause();
      tail = channels.send(channel, chunk).then(() => { stream.resume(); });
    });
    const finish = (): void => { void tail.then(resolve); };
    stream.on('end', finish);
    stream.on('close', finish);
  });
}
