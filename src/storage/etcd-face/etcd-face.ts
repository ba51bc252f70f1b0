/**
 * etcd's v3 API on an engine that holds its key space in this process: for etcd's own tools, and for API servers that share the store.
 *
 * It listens on unix sockets, which only their owner may open, and on TCP with TLS, where clients must show a certificate of the
 * face's own authority. Whoever gets in may read and write everything, the cluster's secrets too.
 */
import { createHash } from 'node:crypto';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createGrpcServer, type GrpcServer, type StreamMethod, type UnaryMethod } from '#wire/grpc/server';
import type { MvccStore } from '../mvcc/mvcc-store.ts';
import { explain } from './errors.ts';
import { faceContext } from './face-context.ts';
import { kvService, REQUEST_BYTES_MAX } from './kv-service.ts';
import { keepAlive, leaseService } from './lease-service.ts';
import { maintenanceService, streamSnapshot } from './maintenance-service.ts';
import { authService, clusterService } from './single-member-services.ts';
import { serveWatches } from './watch-service.ts';

export interface FaceTls { readonly ca: string; readonly cert: string; readonly key: string }

export interface EtcdFaceOptions {
  readonly store: MvccStore;
  /** What the store is called: ids of the cluster and the member are made from it. */
  readonly name: string;
}

export type FaceAddress = { readonly path: string } | { readonly host: string; readonly port: number; readonly tls: FaceTls };

export interface EtcdFace {
  /** @returns the URL of an end point. */
  listen(address: FaceAddress): Promise<string>;
  close(): Promise<void>;
}

/** etcd's allowance for what is around a request. */
const OVERHEAD_BYTES = 512 * 1024;
const CONNECTIONS_MAX = 4_096;
const KEEP_ALIVE_MS = 30_000;

export function createEtcdFace({ store, name }: EtcdFaceOptions): EtcdFace {
  const urls: string[] = [];
  const servers: Server[] = [];
  const digest = createHash('sha256').update(name).digest();
  const face = faceContext({ store, name, clusterId: digest.readUIntBE(0, 6), memberId: digest.readUIntBE(6, 6), clientUrls: () => urls });
  const grpc = createGrpcServer({
    unary: {
      ...service('KV', kvService(face)), ...service('Lease', leaseService(face)), ...service('Maintenance', maintenanceService(face)),
      ...service('Cluster', clusterService(face)), ...service('Auth', authService(face)),
    },
    streams: service<StreamMethod>('', {
      Watch: (stream) => serveWatches(face, stream), LeaseKeepAlive: (stream) => keepAlive(face, stream), Snapshot: (stream) => streamSnapshot(face, stream),
    }),
    requestBytesMax: REQUEST_BYTES_MAX + OVERHEAD_BYTES,
    explain,
  });
  return {
    async listen(address) {
      const server = 'path' in address ? unixServer(grpc, address.path) : tlsServer(grpc, address.tls);
      server.maxConnections = CONNECTIONS_MAX;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen('path' in address ? { path: address.path } : { host: address.host, port: address.port }, () => resolve());
      });
      servers.push(server);
      if ('path' in address) chmodSync(address.path, 0o600);
      const url = 'path' in address ? `unix://${address.path}` : urlOf(server.address() as AddressInfo);
      urls.push(url);
      return url;
    },
    async close() {
      const closed = servers.splice(0).map((server) => new Promise((resolve) => { server.close(resolve); }));
      grpc.leave();
      grpc.destroy();
      await Promise.all(closed);
    },
  };
}

/** Where the streams belong. */
const STREAM_SERVICES: Readonly<Record<string, string>> = { Watch: 'Watch', LeaseKeepAlive: 'Lease', Snapshot: 'Maintenance' };

function service<M extends UnaryMethod | StreamMethod>(name: string, methods: Readonly<Record<string, M>>): Record<string, M> {
  return Object.fromEntries(Object.entries(methods).map(([method, handle]) => [`/etcdserverpb.${name === '' ? STREAM_SERVICES[method]! : name}/${method}`, handle]));
}

function unixServer(grpc: GrpcServer, path: string): Server {
  // Left behind by a process that was killed. A name that is something else stays, and listening fails.
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
  return createServer((socket) => accept(grpc, socket));
}

function tlsServer(grpc: GrpcServer, { ca, cert, key }: FaceTls): Server {
  const server = createTlsServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'], minVersion: 'TLSv1.2' });
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === 'h2') accept(grpc, socket); else socket.destroy();
  });
  server.on('tlsClientError', (_error, socket) => { socket.destroy(); });
  return server;
}

function accept(grpc: GrpcServer, socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  grpc.accept(socket);
}

function urlOf({ address, port, family }: AddressInfo): string { return `https://${family === 'IPv6' ? `[${address}]` : address}:${port}`; }
