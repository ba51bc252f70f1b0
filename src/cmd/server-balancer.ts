/**
 * One local address for all servers of a cluster, so that a node outlives any of them: connections to it go on to a server that takes
 * them, the last good one first.
 *
 *     kubelet, proxy, DNS ──▶ 127.0.0.1:port ──bytes──▶ one of the servers
 *
 * Bytes only: TLS is between the node and the server, so that nobody here can read or pretend anything. The servers are those of
 * `--server` and those that the cluster itself names, which are remembered for the next start. A server that hangs without closing its
 * connections is left by its clients' own deadlines.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';

export interface ServerBalancer {
  /** `https://127.0.0.1:port` */
  readonly url: string;
  /** Servers that the cluster names, `host:port`; those of the flag stay. */
  learn(servers: readonly string[]): void;
  close(): Promise<void>;
}

const CONNECT_MS_MAX = 2_000;
const CONNECTIONS_MAX = 1_000;

export interface BalancerOptions {
  /** `https://host:port`, in the order they are tried. */
  readonly servers: readonly string[];
  /** Where the servers are remembered. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws Error when no local port can be had. */
export async function startServerBalancer({ servers, path, clock, log }: BalancerOptions): Promise<ServerBalancer> {
  const given = servers.map(hostPort);
  let known = [...new Set([...given, ...remembered(path)])];
  const open = new Set<Socket>();
  const listener = createServer((socket) => void serve(socket));
  listener.maxConnections = CONNECTIONS_MAX;
  // Who joins in vain ends.
  listener.unref();
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => resolve());
  });

  async function serve(socket: Socket): Promise<void> {
    track(socket);
    for (const server of [...known]) {
      const upstream = await connected(server, clock);
      if (upstream === undefined) continue;
      if (socket.destroyed) { upstream.destroy(); return; }
      if (known[0] !== server) {
        log.info('going on with another API server', { server });
        known = [server, ...known.filter((one) => one !== server)];
      }
      track(upstream);
      socket.on('close', () => upstream.destroy());
      upstream.on('close', () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
      return;
    }
    log.warn('no API server can be reached', { servers: known });
    socket.destroy();
  }

  function track(socket: Socket): void {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  }

  return {
    url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    learn(named) {
      const wanted = new Set([...named, ...given]);
      const before = known.join();
      known = [...known.filter((one) => wanted.has(one)), ...[...wanted].filter((one) => !known.includes(one))];
      if (known.join() === before) return;
      writeFileSync(`${path}.new`, JSON.stringify(known), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
    async close() {
      const closed = new Promise((resolve) => { listener.close(resolve); });
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function connected(server: string, clock: Clock): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const colon = server.lastIndexOf(':');
    const socket = connect({ host: server.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(server.slice(colon + 1)) });
    const timer = clock.setTimer(CONNECT_MS_MAX, () => done(undefined));
    const done = (found: Socket | undefined): void => {
      timer.cancel();
      if (found === undefined) socket.destroy();
      socket.removeAllListeners();
      socket.on('error', () => socket.destroy());
      resolve(found);
    };
    socket.once('connect', () => done(socket));
    socket.once('error', () => done(undefined));
  });
}

function remembered(path: string): string[] {
  if (!existsSync(path)) return [];
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

function hostPort(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === '' ? 443 : port}`;
}
