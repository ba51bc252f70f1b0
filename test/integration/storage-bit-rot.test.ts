/**
 * A flipped bit anywhere in the files of an embedded store never makes a wrong answer: it is found (the store is not opened, or
 * the one object is refused), or it lies in space that holds nothing. `KUBERNODE_BIT_FLIPS=1000` makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '#base/random';
import { checkAll } from './power-cut/check-all.ts';

const FLIPS = Number(process.env['KUBERNODE_BIT_FLIPS'] ?? 40);
const WRITES = 300;

/** Bytes before the space that has never been written to. */
function usedBytes(file: Buffer): number {
  let used = file.length;
  while (used > 0 && file[used - 1] === 0) used--;
  return used;
}

test(`embedded: ${FLIPS} flipped bits make no wrong answer`, { timeout: 120_000 + FLIPS * 1_000 }, (t) => {
  const seed = Number(process.env['KUBERNODE_SEED'] ?? Math.floor(performance.timeOrigin) % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-bit-rot-'));
  try {
    const store = join(directory, 'store');
    const program = fileURLToPath(new URL('../../src/storage/embedded/kill-writer.ts', import.meta.url));
    const run = spawnSync(process.execPath, ['--import', 'tsx', program, store, '8', '25', '1', String(WRITES)], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    const acked = run.stdout.split('\n').filter((line) => /^\d+ \//.test(line));
    assert.ok(acked.length > WRITES * 0.9, `only ${acked.length} writes`);
    const whole = new Map(['data.mdb', 'log-0', 'log-1'].map((file) => [file, readFileSync(join(store, file))]));
    const images = Array.from({ length: FLIPS }, (_, number) => {
      const path = join(directory, `image-${number}`);
      mkdirSync(path);
      for (const [file, content] of whole) writeFileSync(join(path, file), content);
      // Half of them where there is anything in the log.
      const file = number % 2 === 0 ? 'data.mdb' : 'log-0';
      const image = Buffer.from(whole.get(file)!);
      const bit = random.integer((file === 'data.mdb' ? image.length : usedBytes(image)) * 8);
      image[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(join(path, file), image);
      writeFileSync(join(path, 'owner'), JSON.stringify({ pid: 1, startTime: '1', bootId: 'before' }));
      return { number, directory: path, acked };
    });
    const answers = [...checkAll(directory, images).values()];
    const wrong = answers.filter((answer) => answer !== undefined && !/^not (opened|read): .*(damaged|missing|records|revision)/.test(answer));
    assert.deepEqual(wrong, []);
    const found = answers.filter((answer) => answer !== undefined).length;
    t.diagnostic(`${found} of ${FLIPS} flips were found, the others hit nothing`);
    assert.ok(found >= FLIPS / 10, 'too few flips hit anything: the run proves nothing');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
