/**
 * A disk that fills up and is freed again, in cycles, under a store that stays open: writes are refused at once and clearly, reads and
 * deletes go on, writes are back within seconds, nothing acknowledged is lost. `KUBERNODE_DISK_FULL_CYCLES=20` makes it the
 * nightly size. Needs root and loop devices.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { UnavailableError, type StorageEngine } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';

const CYCLES = Number(process.env['KUBERNODE_DISK_FULL_CYCLES'] ?? 3);
const DISK_BYTES = 32 << 20;
const VALUE = Buffer.alloc(8_000, 'x');
const KEYS_PER_CYCLE = 200;
const REFUSED_WITHIN_MS = 1_000;
const BACK_WITHIN_MS = 5_000;

function run(command: string, ...args: string[]): boolean { return spawnSync(command, args, { stdio: 'ignore' }).status === 0; }

/** A small disk of its own; undefined where that is not possible. */
function mountDisk(directory: string): { path: string; unmount: () => void } | undefined {
  const image = join(directory, 'disk');
  const path = join(directory, 'mnt');
  mkdirSync(path);
  closeSync(openSync(image, 'w'));
  truncateSync(image, DISK_BYTES);
  if (!run('mkfs.ext4', '-q', '-m', '0', image) || !run('mount', '-o', 'loop', image, path)) return undefined;
  return { path, unmount: () => { run('umount', '-l', path); } };
}

function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  for (const bytes of [1 << 20, 4_096]) {
    const block = Buffer.alloc(bytes, 1);
    try {
      for (;;) { writeSync(file, block); fsyncSync(file); }
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(file);
}

async function untilRefused(engine: StorageEngine, acked: Set<string>, cycle: number): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    const key = `/fill/${cycle}/${i}`;
    const startMs = performance.now();
    try {
      assert.ok((await engine.write({ key, value: VALUE })).ok);
      acked.add(key);
    } catch (error) {
      assert.ok(error instanceof UnavailableError && /disk .*full/.test(error.message), String(error));
      assert.ok(!error.unknown, 'it is known that it was not applied');
      assert.ok(performance.now() - startMs < REFUSED_WITHIN_MS);
      return;
    }
  }
  assert.fail('the disk did not become full');
}

const usable = process.getuid?.() === 0;

test(`embedded: ${CYCLES} times a full disk`, { skip: usable ? false : 'needs root', timeout: 60_000 + CYCLES * 20_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-disk-full-'));
  const disk = mountDisk(directory);
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => { rejections.push(reason); };
  process.on('unhandledRejection', onRejection);
  try {
    if (disk === undefined) { t.skip('no loop device'); return; }
    const store = join(disk.path, 'store');
    const filler = join(disk.path, 'filler');
    let engine = await openEmbeddedStorage({ directory: store, clock: systemClock, log: silentLogger });
    const acked = new Set<string>();
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      for (let i = 0; i < KEYS_PER_CYCLE; i++) {
        assert.ok((await engine.write({ key: `/a/${cycle}/${i}`, value: VALUE })).ok);
        acked.add(`/a/${cycle}/${i}`);
      }
      fillDisk(filler);
      await untilRefused(engine, acked, cycle);
      assert.equal((await engine.range({ start: '/', end: '0' })).count, acked.size, 'reads go on');
      const victims = [...acked].slice(0, acked.size >> 1);
      for (const key of victims) {
        assert.ok((await engine.write({ key, value: undefined })).ok, 'deletes go on');
        acked.delete(key);
      }
      await engine.compact(await engine.currentRevision());
      rmSync(filler);
      const freedMs = performance.now();
      for (;;) {
        const done = await engine.write({ key: `/back/${cycle}`, value: VALUE }).then(() => true, () => false);
        if (done) break;
        assert.ok(performance.now() - freedMs < BACK_WITHIN_MS, 'writes are back');
        await new Promise((resolve) => { setTimeout(resolve, 100); });
      }
      acked.add(`/back/${cycle}`);
    }
    await engine.close();
    engine = await openEmbeddedStorage({ directory: store, clock: systemClock, log: silentLogger });
    const { items } = await engine.range({ start: '/', end: '0' });
    assert.deepEqual(new Set(items.map((item) => item.key)), acked);
    assert.ok(items.every((item) => item.value.equals(VALUE)));
    await engine.close();
    assert.deepEqual(rejections, []);
  } finally {
    process.off('unhandledRejection', onRejection);
    disk?.unmount();
    rmSync(directory, { recursive: true, force: true });
  }
});
