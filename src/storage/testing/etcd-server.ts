/** Real etcd members on loopback for tests: started, paused, killed, started again; gone with the test. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '#base/testing/free-ports';

export interface EtcdMember {
  readonly url: string;
  readonly pid: () => number | undefined;
  start(): Promise<void>;
  /** Freezes and thaws the process. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
}

export interface EtcdCluster { readonly members: readonly EtcdMember[]; readonly endpoints: readonly string[]; stop(): Promise<void> }

const READY_MS_MAX = 15_000;

/** The reason why tests with etcd are skipped here; undefined when they are not. */
export function whyNoEtcd(): string | undefined {
  return spawnSync('etcd', ['--version']).status === 0 ? undefined : 'etcd is not installed (Debian: apt-get install etcd-server)';
}

export interface EtcdOptions {
  readonly flags?: readonly string[];
  /** Files; clients must show a certificate of the same CA. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** What a single member begins with; not removed. */
  readonly dataDir?: string;
}

export async function startEtcd(size: number, options: EtcdOptions = {}): Promise<EtcdCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-etcd-'));
  const ports = await freePorts(size * 3);
  const peers = Array.from({ length: size }, (_, i) => `m${i}=http://127.0.0.1:${ports[size + i]}`).join(',');
  const members = Array.from({ length: size }, (_, i) => member(`m${i}`, directory, ports[i]!, ports[size + i]!, ports[2 * size + i]!, peers, options));
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((one) => one.kill()));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(members.map((one) => one.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { members, endpoints: members.map((one) => one.url), stop };
}

function member(name: string, directory: string, clientPort: number, peerPort: number, healthPort: number, peers: string, { tls, flags = [], dataDir = join(directory, name) }: EtcdOptions): EtcdMember {
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${clientPort}`;
  const healthUrl = `http://127.0.0.1:${healthPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const secure = tls === undefined ? [] : ['--cert-file', tls.cert, '--key-file', tls.key, '--trusted-ca-file', tls.ca, '--client-cert-auth'];
  let child: ChildProcess | undefined;
  let output = '';
  return {
    url,
    pid: () => child?.pid,
    async start() {
      output = '';
      child = spawn('etcd', [
        '--name', name, '--data-dir', dataDir, '--listen-client-urls', url, '--advertise-client-urls', url,
        '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', peers, '--initial-cluster-state', 'new',
        '--heartbeat-interval', '50', '--election-timeout', '500', '--log-level', 'error', '--listen-metrics-urls', healthUrl, ...secure, ...flags,
      ], { stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr!.on('data', (chunk: Buffer) => { output = (output + chunk.toString()).slice(-4_000); });
      await untilHealthy(healthUrl, () => (child?.exitCode === null ? undefined : output));
    },
    pause: () => { child?.kill('SIGSTOP'); },
    resume: () => { child?.kill('SIGCONT'); },
    async kill() {
      const dying = child;
      if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
      const gone = new Promise((resolve) => { dying.once('exit', resolve); });
      dying.kill('SIGKILL');
      await gone;
    },
  };
}

async function untilHealthy(url: string, dead: () => string | undefined): Promise<void> {
  const untilMs = performance.now() + READY_MS_MAX;
  for (;;) {
    const healthy = await fetch(`${url}/health`).then((answer) => answer.json() as Promise<{ health: string }>).then((body) => body.health === 'true', () => false);
    if (healthy) return;
    const output = dead();
    if (output !== undefined) throw new Error(`etcd ended: ${output}`);
    if (performance.now() > untilMs) throw new Error(`etcd at ${url} is not healthy`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}
