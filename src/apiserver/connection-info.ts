/** What a connection tells of its caller; asked once, as it stays the same. */
import type { TLSSocket } from 'node:tls';
import type { ConnectionInfo } from './request.ts';

const connections = new WeakMap<object, ConnectionInfo>();

/** @param key stands for the connection: its socket, or its HTTP/2 session. */
export function connectionOf(key: object, socket: TLSSocket | undefined): ConnectionInfo {
  const known = connections.get(key);
  if (known !== undefined) return known;
  const certificate = socket?.getPeerCertificate(false);
  const hasCertificate = certificate !== undefined && certificate !== null && certificate.raw !== undefined;
  const info: ConnectionInfo = {
    remoteAddress: socket?.remoteAddress ?? '', ...(socket?.localAddress === undefined ? {} : { localAddress: socket.localAddress }), tls: true,
    ...(hasCertificate ? { clientCertificate: certificate.raw, clientCertificateVerified: socket?.authorized === true } : {}),
  };
  connections.set(key, info);
  return info;
}
