/**
 * Loads an OCI layout (or docker-archive) tar into containerd through its `ctr` client: CRI has no import call.
 */
import { spawn } from 'node:child_process';

const OUTPUT_BYTES_MAX = 64 * 1024;

export interface ImportOptions { socket: string; namespace?: string; snapshotter?: string; signal?: AbortSignal }

/** @returns the imported references. @throws Error with ctr's own words. */
export function importImage(tar: Iterable<Buffer> | AsyncIterable<Buffer>, options: ImportOptions): Promise<string[]> {
  const args = ['-a', options.socket, '-n', options.namespace ?? 'k8s.io', 'images', 'import', ...(options.snapshotter === undefined ? [] : ['--snapshotter', options.snapshotter]), '-'];
  return new Promise((resolve, reject) => {
    const child = spawn('ctr', args, { stdio: ['pipe', 'pipe', 'pipe'], ...(options.signal === undefined ? {} : { signal: options.signal }) });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => { if (stdout.length < OUTPUT_BYTES_MAX) stdout += data.toString(); });
    child.stderr.on('data', (data: Buffer) => { if (stderr.length < OUTPUT_BYTES_MAX) stderr += data.toString(); });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve([...stdout.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1]!));
      else reject(new Error(`ctr images import failed: ${stderr.trim() || stdout.trim() || `exit code ${code}`}`));
    });
    child.stdin.on('error', () => undefined); // ctr went away early; its exit code tells
    void feed(tar, child.stdin).catch(reject);
  });
}

async function feed(tar: Iterable<Buffer> | AsyncIterable<Buffer>, stdin: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of tar) {
    if (!stdin.write(chunk)) await new Promise<void>((resolve) => { stdin.once('drain', resolve); stdin.once('close', resolve); });
  }
  stdin.end();
}
