/** Our API server as its users run it: `kubernode apiserver` in a process of its own, with the event loop probe loaded. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { load } from 'js-yaml';
import { freePort } from '#base/testing/free-ports';
import type { Endpoint } from '../load/http-connection.ts';
import { cpuMs, memoryMiB, newDirectory, removeDirectory, residentMiB, start, waitUntil, type Child } from './child.ts';

const PROBE = 'test/bench/servers/event-loop-probe.mjs';

export interface ServerReading { readonly stallMs: number; readonly heapMiB: number; readonly externalMiB: number }

export interface ApiServerUnderTest {
  readonly name: string;
  /** As administrator, with a client certificate. */
  readonly endpoint: Endpoint;
  readonly pid: number;
  readonly directory: string;
  /** From the start of the process to `/readyz` ok, as a client sees it. */
  readonly readyMs: number;
  /** Processor time of all its threads until then. */
  readonly readyCpuMs: number;
  memoryMiB(): number;
  residentMiB(): number;
  cpuMs(): number;
  /** Stalls since the last `reset`. */
  read(what: 'read' | 'reset' | 'collect'): Promise<ServerReading>;
  /** Ends the process; the directory stays when it was given. */
  stop(): Promise<void>;
}

export interface KubernodeOptions {
  readonly storage?: 'embedded' | 'memory';
  /** An existing data directory. */
  readonly directory?: string;
  readonly flags?: readonly string[];
  /** More of Node's own flags, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }];
  readonly users: readonly [{ readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } }];
}

/** TLS context and address that a kubeconfig with a client certificate names. */
export function endpointOf(kubeconfigFile: string): Endpoint {
  const { clusters: [{ cluster }], users: [{ user }] } = load(readFileSync(kubeconfigFile, 'utf8')) as Kubeconfig;
  const url = new URL(cluster.server);
  const of = (base64: string): Buffer => Buffer.from(base64, 'base64');
  return {
    host: url.hostname, port: Number(url.port),
    secureContext: createSecureContext({ ca: of(cluster['certificate-authority-data']), cert: of(user['client-certificate-data']), key: of(user['client-key-data']) }),
  };
}

export async function startKubernode(options: KubernodeOptions = {}): Promise<ApiServerUnderTest> {
  const directory = options.directory ?? newDirectory();
  const port = await freePort();
  const startMs = performance.now();
  const extra = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((word) => word !== '');
  const child = start(process.execPath, [
    '--import', resolve(PROBE), '--expose-gc', ...extra, ...options.nodeFlags ?? [], 'bin/kubernode', 'apiserver',
    '--data-dir', directory, '--secure-port', String(port), '--storage', options.storage ?? 'embedded', ...options.flags ?? [],
  ], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  await waitUntil(child, 'kubernode apiserver', () => child.output().includes('API server is ready'));
  const readyMs = performance.now() - startMs;
  const pid = child.process.pid!;
  const readyCpuMs = cpuMs(pid);
  return {
    name: 'kubernode', readyCpuMs, endpoint: endpointOf(join(directory, 'admin.kubeconfig')), pid, directory, readyMs,
    memoryMiB: () => memoryMiB(pid), residentMiB: () => residentMiB(pid), cpuMs: () => cpuMs(pid),
    read: (what) => ask(child, what),
    async stop() {
      await child.stop();
      if (options.directory === undefined) removeDirectory(directory);
    },
  };
}

function ask(child: Child, what: string): Promise<ServerReading> {
  return new Promise((resolve, reject) => {
    child.process.once('message', (message) => resolve(message as ServerReading));
    child.process.send(what, (error) => { if (error !== null) reject(error); });
  });
}
