/**
 * Power cuts at any write of a busy embedded store: every image opens, and holds everything that had been acknowledged. The
 * negative control, the same with syncs that do nothing, shows that the check sees damage. `KUBERNODE_POWER_CUTS=5000` makes
 * it the nightly size.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '#base/random';
import { imageAt, record, type TraceStep } from './power-cut/trace.ts';
import { checkAll } from './power-cut/check-all.ts';
import type { ImageToCheck } from './power-cut/check-image.ts';

const IMAGES = Number(process.env['KUBERNODE_POWER_CUTS'] ?? 60);
const CONTROLS = 20;
/** The tables and the log before them. */
const FILES = ['data.mdb', 'log-0', 'log-1'];
const WRITES = 800;
const WRITERS = 4;
/** Other processes of the traced tree write to their own descriptor 1. */
const ACKED = /^\d+ \//;

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const skip = spawnSync('strace', ['--seccomp-bpf', '-f', 'true']).status === 0 ? false : 'strace is not installed (Debian: apt-get install strace)';

function makeImage(directory: string, number: number, steps: readonly TraceStep[], cut: number, seed: number, syncs: boolean): ImageToCheck {
  const path = join(directory, `image-${number}`);
  mkdirSync(path);
  for (const [i, file] of FILES.entries()) writeFileSync(join(path, file), imageAt(file, steps, cut, seededRandom(seed + number * FILES.length + i), syncs));
  // The machine was booted since.
  writeFileSync(join(path, 'owner'), JSON.stringify({ pid: 1, startTime: '1', bootId: 'before' }));
  const acked = steps.slice(0, cut).flatMap((step) => (step.type === 'output' && ACKED.test(step.text) ? [step.text] : []));
  return { number, directory: path, acked };
}

test(`embedded: ${IMAGES} power cuts lose nothing that was acknowledged`, { skip, timeout: 120_000 + IMAGES * 1_000 }, (t) => {
  const seed = Number(process.env['KUBERNODE_SEED'] ?? Math.floor(performance.timeOrigin) % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-power-cut-'));
  try {
    const store = join(directory, 'store');
    const program = at('../../src/storage/embedded/kill-writer.ts');
    const names = new Map([...FILES.map((file) => [join(store, file), file] as const), [join(store, 'data.mdb.new'), 'data.mdb']]);
    const steps = record([process.execPath, '--import', 'tsx', program, store, String(WRITERS), '25', '1', String(WRITES)], join(directory, 'trace'), names);
    const opened = steps.findIndex((step) => step.type === 'output' && step.text.startsWith('open '));
    const writesTo = (file: string): number => steps.slice(opened).filter((step) => step.type === 'write' && step.file === file).length;
    // Each writer waits for its write: no frame holds more than one of each.
    assert.ok(opened > 0 && writesTo('log-0') + writesTo('log-1') >= WRITES / WRITERS && writesTo('data.mdb') > 0, `${steps.length} steps were recorded`);
    const cuts = (count: number): number[] => Array.from({ length: count }, () => opened + random.integer(steps.length - opened));

    const images = cuts(IMAGES).map((cut, number) => makeImage(directory, number, steps, cut, seed, true));
    const wrong = [...checkAll(directory, images)].filter(([, answer]) => answer !== undefined);
    assert.deepEqual(wrong, []);

    const controls = cuts(CONTROLS).map((cut, number) => makeImage(directory, number, steps, Math.max(cut, opened + 200), seed, false));
    const seen = [...checkAll(directory, controls).values()].filter((answer) => answer !== undefined);
    t.diagnostic(`${seen.length} of ${CONTROLS} images without syncs were found damaged`);
    assert.ok(seen.length >= CONTROLS / 2, 'the check does not see damage');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
