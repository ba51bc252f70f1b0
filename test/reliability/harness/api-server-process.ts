/** Starts `api-server-program.ts` as a process of its own, bundled once so that it starts as fast as the product. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { systemClock } from '#base/clock';
import { freePort } from '#base/testing/free-ports';
import { httpsTransport } from '#client/https-transport';
import type { Transport } from '#client/transport';

export interface ApiServerProcess {
  readonly port: number;
  /** As its administrator; good for every process of these servers. */
  transport(): Transport;
  /** Resolves when it serves. */
  start(): Promise<{ readyMs: number; openMs: number }>;
  readonly pid: () => number | undefined;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends it and removes everything. */
  dispose(): Promise<void>;
  readonly dataDirectory: string;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));

async function bundle(directory: string): Promise<string> {
  const outfile = join(directory, 'server.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./api-server-program.ts', import.meta.url))], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', external: ['lmdb'], logLevel: 'error',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return outfile;
}

export async function apiServerProcess(options: { compactEveryMs: number; keepRevisions: number }): Promise<ApiServerProcess> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'kubernode-api-server-'));
  const program = await bundle(dataDirectory);
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const dying = child;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    const gone = new Promise((resolve) => { dying.once('exit', resolve); });
    dying.kill(signal);
    await gone;
  };
  return {
    port, dataDirectory, kill,
    pid: () => child?.pid,
    transport() {
      const file = (name: string): { data: string } => ({ data: readFileSync(join(dataDirectory, 'pki', name), 'utf8') });
      return httpsTransport({ server: `https://127.0.0.1:${port}`, clock: systemClock, ca: file('ca.crt'), certificate: file('clients/admin.crt'), key: file('clients/admin.key') });
    },
    start() {
      const started = spawn(process.execPath, [program, dataDirectory, String(port), String(options.compactEveryMs), String(options.keepRevisions)], { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      let output = '';
      let errors = '';
      started.stderr.on('data', (chunk: Buffer) => { errors = (errors + chunk.toString()).slice(-4_000); });
      return new Promise((resolve, reject) => {
        started.once('exit', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}: ${errors}`)));
        started.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          const ready = /^ready \d+ (\d+) (\d+)$/m.exec(output);
          if (ready !== null) resolve({ readyMs: Number(ready[1]), openMs: Number(ready[2]) });
        });
      });
    },
    async dispose() {
      await kill('SIGKILL');
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
