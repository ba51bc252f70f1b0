/**
 * The channel subprotocols of Kubernetes over WebSocket: each binary message begins with the number of its channel.
 *
 *     v5.channel.k8s.io          as v4, and message [255, n] closes channel n (half-close of stdin)
 *     v4.channel.k8s.io          channel 3 carries a Status as JSON at the end
 *     channel.k8s.io, (none)     older: channel 3 carries plain text
 *     *.base64.channel.k8s.io    text messages, the channel as a digit, the rest in base64
 *
 * Sending waits when the peer is slow, so that a fast producer does not fill memory.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

/** Largest message taken from a client. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
const BUFFERED_BYTES_MAX = 1024 * 1024;
const CLOSE_SIGNAL = 255;

const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'];

export interface ChannelSocket {
  readonly protocol: string;
  /** Data of a channel. Nothing is read before this is called: set the other handlers first. */
  onMessage(handler: (channel: number, data: Buffer) => void): void;
  onCloseSignal(handler: (channel: number) => void): void;
  onClosed(handler: () => void): void;
  /** Resolves when there is room for more. */
  send(channel: number, data: Buffer): Promise<void>;
  close(code?: number, reason?: string): void;
  /** Stops reading from the client until the returned function is called. */
  pause(): () => void;
}

/**
 * Accepts the WebSocket upgrade of `request`.
 * @param protocols which subprotocols to accept, best first; default: all channel protocols (a client may name none).
 * @returns undefined when the client offers only protocols that are not spoken; it was answered 403 then.
 */
export async function acceptChannels(request: IncomingMessage, socket: Duplex, head: Buffer, protocols: readonly string[] = CHANNEL_PROTOCOLS): Promise<ChannelSocket | undefined> {
  const accepted = await acceptWebSocket(request, socket, head, protocols);
  return accepted === undefined ? undefined : channelSocket(accepted);
}

/** The socket is paused: `resume` it when its listeners are in place. */
export async function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, protocols: readonly string[]): Promise<WebSocket | undefined> {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim()).filter((word) => word !== '');
  const chosen = protocols.find((protocol) => offered.includes(protocol));
  if (chosen === undefined && offered.length > 0) {
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return undefined;
  }
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX, handleProtocols: () => chosen ?? false });
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade(request, socket, head, (webSocket) => {
      // Nothing is read before somebody listens.
      webSocket.pause();
      resolve(webSocket);
    });
  });
}

/** Resolves when the peer has taken most of what was sent. */
export function sendWithPressure(webSocket: WebSocket, message: Buffer | string): Promise<void> {
  if (webSocket.readyState !== webSocket.OPEN) return Promise.resolve();
  return new Promise((resolve) => {
    webSocket.send(message, () => resolve());
    if (webSocket.bufferedAmount < BUFFERED_BYTES_MAX) resolve();
  });
}

function channelSocket(webSocket: WebSocket): ChannelSocket {
  const base64 = webSocket.protocol.includes('base64');
  const hasCloseSignal = webSocket.protocol.startsWith('v5.');
  let onMessage: (channel: number, data: Buffer) => void = () => undefined;
  let onCloseSignal: (channel: number) => void = () => undefined;
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('message', (raw) => {
    const message = raw as Buffer;
    if (message.length === 0) return;
    const channel = base64 ? message[0]! - 0x30 : message[0]!;
    if (hasCloseSignal && channel === CLOSE_SIGNAL) {
      if (message.length > 1) onCloseSignal(message[1]!);
      return;
    }
    onMessage(channel, base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1));
  });
  return {
    protocol: webSocket.protocol,
    onMessage(handler) {
      onMessage = handler;
      webSocket.resume();
    },
    onCloseSignal: (handler) => { onCloseSignal = handler; },
    onClosed: (handler) => { webSocket.once('close', handler); },
    send: (channel, data) => sendWithPressure(webSocket, base64 ? `${channel}${data.toString('base64')}` : Buffer.concat([Buffer.from([channel]), data])),
    close: (code = 1000, reason = '') => webSocket.close(code, reason),
    pause() {
      webSocket.pause();
      return () => webSocket.resume();
    },
  };
}
