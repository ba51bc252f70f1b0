/** The peers we are measured beside, started by the benchmark itself; each says plainly when it is not installed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { connect } from 'node:net';
import { createSecureContext } from 'node:tls';
import { freePort, freePorts } from '#base/testing/free-ports';
import type { Endpoint } from '../load/http-connection.ts';
import { newDirectory, removeDirectory, start, waitUntil, type Child } from './child.ts';

export interface Peer { readonly version: string; readonly pid: number; readonly directory: string; stop(): Promise<void> }

/** A peer that this machine does not have. */
export class MissingPeer extends Error {}

/** @throws MissingPeer */
function versionOf(command: string, words: readonly string[], pack: string): string {
  const run = spawnSync(command, words, { encoding: 'utf8' });
  if (run.status !== 0) throw new MissingPeer(`${command} is not installed (Debian: apt-get install ${pack})`);
  return `${run.stdout}${run.stderr}`.split('\n')[0]!.trim();
}

function peerOf(child: Child, directory: string, version: string): Peer {
  return { version, pid: child.process.pid!, directory, async stop() { await child.stop(); removeDirectory(directory); } };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

/** One member, with its defaults: every put is synced before it is answered. */
export async function startEtcdPeer(command = 'etcd'): Promise<Peer & { readonly url: string }> {
  const version = versionOf(command, ['--version'], 'etcd-server');
  const directory = newDirectory();
  const [clientPort, peerPort] = await freePorts(2);
  const url = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const child = start(command, [
    '--name', 'bench', '--data-dir', directory, '--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peerUrl,
    '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', `bench=${peerUrl}`, '--log-level', 'error', '--quota-backend-bytes', String(8 * 2 ** 30),
  ]);
  await waitUntil(child, 'etcd', async () => (await fetch(`${url}/health`)).ok);
  return { ...peerOf(child, directory, version), url };
}

/** nginx with one worker, serving the directory's files over TLS 1.3 with a certificate of its own. */
export async function startNginx(): Promise<Peer & { readonly endpoint: Endpoint }> {
  const version = versionOf('nginx', ['-v'], 'nginx-light');
  const directory = newDirectory();
  const port = await freePort();
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  // The same kind of key as our own certificates have.
  writeFileSync(key, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const made = spawnSync('openssl', ['req', '-x509', '-new', '-key', key, '-subj', '/CN=127.0.0.1', '-days', '2', '-out', cert]);
  if (made.status !== 0) throw new MissingPeer('openssl is not installed (Debian: apt-get install openssl)');
  const configuration = join(directory, 'nginx.conf');
  writeFileSync(configuration, `
worker_processes 1; daemon off; pid ${directory}/pid; error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 300s; default_type application/json; open_file_cache max=100;
  client_body_temp_path ${directory}/a; proxy_temp_path ${directory}/b; fastcgi_temp_path ${directory}/c; uwsgi_temp_path ${directory}/d; scgi_temp_path ${directory}/e;
  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; root ${directory}/www; }
}
`);
  spawnSync('mkdir', ['-p', join(directory, 'www')]);
  const child = start('nginx', ['-p', directory, '-c', configuration, ...process.getuid?.() === 0 ? ['-g', 'user root;'] : []]);
  await waitUntil(child, 'nginx', () => accepts(port));
  return { ...peerOf(child, directory, version), endpoint: { host: '127.0.0.1', port, secureContext: createSecureContext() } };
}

export async function startRedis(): Promise<Peer & { readonly port: number }> {
  const version = versionOf('redis-server', ['--version'], 'redis-server');
  const directory = newDirectory();
  const port = await freePort();
  const child = start('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no', '--maxclients', '10000']);
  await waitUntil(child, 'redis-server', () => accepts(port));
  return { ...peerOf(child, directory, version), port };
}
