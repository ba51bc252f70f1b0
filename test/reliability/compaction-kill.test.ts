/**
 * R8: the store is killed at each of the four points of a compaction: before and after its line is durable, before and after rows
 * go. Everything acknowledged above the line is there afterwards, and the store is writable. `KUBERNODE_COMPACTION_KILLS=200`
 * makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkAll } from '../integration/power-cut/check-all.ts';
import { chance, sizeOf } from './harness/size.ts';

const KILLS = sizeOf('COMPACTION_KILLS', 4);
const POINTS = ['line:before', 'line:after', 'rows:before', 'rows:after'] as const;
const WITHIN_COMPACTIONS = 8;

test(`R8: ${KILLS} kills at the points of a compaction`, { timeout: 60_000 + KILLS * 20_000 }, (t) => {
  const random = chance(t);
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-compaction-kill-'));
  const program = fileURLToPath(new URL('../../src/storage/embedded/kill-writer.ts', import.meta.url));
  try {
    const images = Array.from({ length: KILLS }, (_, number) => {
      const store = join(directory, `store-${number}`);
      const point = `${POINTS[number % POINTS.length]!}:${1 + random.integer(WITHIN_COMPACTIONS)}`;
      const run = spawnSync(process.execPath, ['--import', 'tsx', program, store, '8', '10', '1', '1000000', point], { encoding: 'utf8', timeout: 60_000 });
      assert.equal(run.signal, 'SIGKILL', `${point}: ${run.stderr}`);
      return { number, directory: store, acked: run.stdout.split('\n').filter((line) => /^\d+ \//.test(line)) };
    });
    const acked = images.reduce((sum, image) => sum + image.acked.length, 0);
    t.diagnostic(`${acked} acknowledged writes`);
    assert.ok(acked > KILLS * 20, 'too little was written: the run proves nothing');
    for (const [number, answer] of checkAll(directory, images)) assert.equal(answer, undefined, `after kill ${number} at ${POINTS[number % POINTS.length]}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
