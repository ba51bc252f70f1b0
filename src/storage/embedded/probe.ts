/**
 * Looks at a store's file in a child process before this process maps it.
 *
 * LMDB maps the file into memory; a page number that points past its end ends the process with SIGBUS, which JavaScript
 * cannot catch. After a crash the file is therefore walked in a child first: what kills the child is reported, not suffered.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { CorruptError } from '../contract.ts';

/** `records`: all but the values (after a kill); `everything`: the values too (after a crash of the machine, or on request). */
export type ProbeDepth = 'records' | 'everything';

/** Longest time of a walk; a file on a slow disk may take minutes. */
const PROBE_TIMEOUT_MS = 10 * 60_000;
const PROBE_OUTPUT_MAX = 4_096;

/** Self-contained: runs by `node -e`, without this project's loader. */
const WALK = `
const [, lmdb, path, depth, mapBytes] = process.argv;
const root = require(lmdb).open({ path, noSubdir: true, encoding: 'binary', readOnly: true, maxDbs: 8, mapSize: Number(mapBytes) });
let rows = 0;
for (const name of depth === 'everything' ? ['heads', 'leases', 'meta', 'values'] : ['heads', 'leases', 'meta']) {
  const table = root.openDB(name, { encoding: 'binary' });
  if (table !== undefined) for (const { value } of table.getRange({})) if (value !== undefined) rows++;
}
process.exit(0);
`;

/** @throws CorruptError with what to do when the file cannot be walked. */
export async function probeFile(path: string, depth: ProbeDepth, mapBytes: number, signal?: AbortSignal): Promise<void> {
  const lmdb = createRequire(import.meta.url).resolve('lmdb');
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['-e', WALK, lmdb, path, depth, String(mapBytes)],
    { stdio: ['ignore', 'ignore', 'pipe'], env, timeout: PROBE_TIMEOUT_MS, killSignal: 'SIGKILL', ...(signal === undefined ? {} : { signal }) });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => { if (output.length < PROBE_OUTPUT_MAX) output += chunk.toString(); });
  const [code, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
  });
  if (code === 0) return;
  const reason = killedBy === null ? /^\w*Error: .*$/m.exec(output)?.[0] ?? `exit code ${code}` : `reading it ends a process with ${killedBy}`;
  throw new CorruptError(`${path} is damaged (${reason})`);
}
