/**
 * Port-forward: connections to ports of a pod through the runtime.
 *
 *     SPDY caller                              ═══ bytes passed on ═══ runtime
 *     WebSocket `SPDY/3.1+portforward.k8s.io`  the same bytes, wrapped in messages
 *     WebSocket channels (older clients)       channel 2n data, 2n+1 error of the n-th port; each begins with the port, little-endian
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { openSpdy, upgradeToSpdy } from '#wire/spdy/client-upgrade';
import { tunnelUpgrade } from '#wire/upgrade-tunnel';
import { acceptChannels, acceptWebSocket, sendWithPressure, type ChannelSocket } from '#wire/websocket/channel-socket';
import { isWebSocket } from './remote-command.ts';

const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
const SPDY_PROTOCOLS = ['portforward.k8s.io'];
/** Channels are one byte, two a port. */
const PORTS_MAX = 127;

export async function servePortForward(request: IncomingMessage, socket: Duplex, head: Buffer, runtimeUrl: URL, ports: readonly number[], signal: AbortSignal): Promise<void> {
  const target = { host: runtimeUrl.hostname, port: Number(runtimeUrl.port), path: `${runtimeUrl.pathname}${runtimeUrl.search}` };
  if (!isWebSocket(request)) {
    await tunnelUpgrade({ ...target, method: request.method ?? 'POST' }, request.headers, socket, head, signal);
    return;
  }
  if ((request.headers['sec-websocket-protocol'] ?? '').includes(TUNNEL_PROTOCOL)) {
    const upstream = await upgradeToSpdy(target, SPDY_PROTOCOLS, signal);
    const webSocket = await acceptWebSocket(request, socket, head, [TUNNEL_PROTOCOL]);
    if (webSocket === undefined) upstream.transport.destroy();
    else await tunnelMessages(webSocket, upstream.transport, upstream.head);
    return;
  }
  const runtime = await openSpdy(target, SPDY_PROTOCOLS, signal);
  try {
    const channels = await acceptChannels(request, socket, head);
    if (channels !== undefined) await forwardChannels(channels, ports.slice(0, PORTS_MAX), (headers) => runtime.createStream(headers));
  } finally {
    runtime.close();
  }
}

function tunnelMessages(webSocket: WebSocket, transport: Duplex, head: Buffer): Promise<void> {
  if (head.length > 0) void sendWithPressure(webSocket, head);
  webSocket.on('message', (data) => {
    if (transport.write(data as Buffer)) return;
    webSocket.pause();
    transport.once('drain', () => webSocket.resume());
  });
  transport.on('data', (chunk: Buffer) => {
    transport.pause();
    void sendWithPressure(webSocket, chunk).then(() => { transport.resume(); });
  });
  webSocket.resume();
  return new Promise((resolve) => {
    const finish = (): void => { transport.destroy(); webSocket.close(1000); resolve(); };
    transport.on('end', finish);
    transport.on('error', finish);
    transport.on('close', finish);
    webSocket.on('error', finish);
    webSocket.on('close', finish);
  });
}

async function forwardChannels(channels: ChannelSocket, ports: readonly number[], open: (headers: Record<string, string>) => Promise<Duplex>): Promise<void> {
  const data: Duplex[] = [];
  const closed = new Promise<void>((resolve) => { channels.onClosed(resolve); });
  const ended: Promise<void>[] = [];
  for (const [i, port] of ports.entries()) {
    const headers = { port: String(port), requestid: String(i) };
    const error = await open({ streamtype: 'error', ...headers });
    error.end();
    const stream = await open({ streamtype: 'data', ...headers });
    data.push(stream);
    const portBytes = Buffer.from([port & 0xff, port >> 8]);
    await channels.send(2 * i, portBytes);
    await channels.send(2 * i + 1, portBytes);
    ended.push(copy(stream, 2 * i, channels), copy(error, 2 * i + 1, channels));
  }
  channels.onMessage((channel, message) => {
    const stream = channel % 2 === 0 ? data[channel / 2] : undefined;
    if (stream === undefined || stream.writableEnded || stream.write(message)) return;
    const goOn = channels.pause();
    stream.once('drain', goOn);
    stream.once('close', goOn);
  });
  await Promise.race([closed, Promise.all(ended)]);
  channels.close();
}

function copy(stream: Duplex, channel: number, channels: ChannelSocket): Promise<void> {
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      stream.pause();
      void channels.send(channel, chunk).then(() => { stream.resume(); });
    });
    stream.on('end', resolve);
    stream.on('close', resolve);
  });
}
