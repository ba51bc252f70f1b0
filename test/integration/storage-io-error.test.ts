/**
 * The n-th write or sync of one of the store's files fails with EIO: the store ends, no write is acknowledged that is not there after a
 * restart, and no failed sync is repeated as if nothing had been. `KUBERNODE_IO_ERRORS=200` makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkAll } from './power-cut/check-all.ts';

const ERRORS = Number(process.env['KUBERNODE_IO_ERRORS'] ?? 12);
const WRITES = 2_000;
/** Failures take turns with the files, and are spread over this many calls of each, so that few of them reach past the start. */
const CALLS_MAX = { 'log-0': 80, 'data.mdb': 40 };
const FILES = Object.keys(CALLS_MAX) as (keyof typeof CALLS_MAX)[];

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const skip = spawnSync('gcc', ['--version']).status === 0 ? false : 'gcc is not installed';

test(`embedded: ${ERRORS} I/O errors, each at another call`, { skip, timeout: 60_000 + ERRORS * 5_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-io-error-'));
  try {
    const shim = join(directory, 'fail-io.so');
    const built = spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, at('./power-cut/fail-io.c'), '-ldl'], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
    const images = Array.from({ length: ERRORS }, (_, i) => {
      const file = FILES[i % FILES.length]!;
      const nth = 1 + Math.floor((i * CALLS_MAX[file]) / ERRORS);
      const store = join(directory, `store-${i}`);
      const env = { ...process.env, LD_PRELOAD: shim, FAIL_IO_AT: String(nth), FAIL_IO_PATH: file };
      const run = spawnSync(process.execPath, ['--import', 'tsx', at('../../src/storage/embedded/kill-writer.ts'), store, '8', '25', '1', String(WRITES)], { encoding: 'utf8', env });
      assert.notEqual(run.status, 0, `the writer went on after call ${nth} to ${file} had failed`);
      assert.match(run.stderr, /UnavailableError|Input\/output error|EIO/, `call ${nth} to ${file}`);
      return { number: i, directory: store, acked: run.stdout.split('\n').filter((line) => /^\d+ \//.test(line)) };
    });
    assert.ok(images.some((image) => image.acked.length > 0) && images.every((image) => image.acked.length < WRITES));
    for (const [number, answer] of checkAll(directory, images)) assert.equal(answer, undefined, `after error ${number}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
