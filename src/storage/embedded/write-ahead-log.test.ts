import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { crc32 } from '../checksum.ts';
import { CorruptError } from '../contract.ts';
import { DiskFullError } from './disk-full-error.ts';
import type { LogFrame } from './log-frame.ts';
import { rowOf } from './record.ts';
import { readLog, WriteAheadLog, type WriteAheadLogOptions } from './write-ahead-log.ts';

const PAGE = 4_096;
const SECTOR = 512;
const MARK = { salt: 77, applied: 5 };

function frame(revision: number, value: Buffer = Buffer.alloc(3_000, revision)): LogFrame {
  const version = {
    key: `/a/${revision}`, revision, modRevision: revision, createRevision: revision, leaseId: 0, deleted: false, writes: 1, size: value.length,
    checksum: crc32(value), value, previous: undefined, lent: undefined, event: undefined,
  };
  return { rows: [rowOf(version)], leases: [{ id: 9, ttlMs: 1_000, expiresAt: revision }], endedLeases: [8], revision, compacted: 1, lastLeaseId: 9 };
}

interface Bench { readonly directory: string; readonly log: WriteAheadLog; append(count: number): Promise<void>; read(): number[] }

function bench(t: TestContext, options: Partial<WriteAheadLogOptions> = {}): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-log-'));
  t.after(() => { rmSync(directory, { recursive: true, force: true }); });
  const log = new WriteAheadLog(directory, MARK, { hasRoom: () => true, makeRoom: () => Promise.reject(new Error('not expected')), ...options });
  let revision = 100;
  return {
    directory, log,
    async append(count) { for (let i = 0; i < count; i++) await log.append(frame(revision++)); },
    read: () => readLog(directory, MARK).map(({ number }) => number),
  };
}

function change(directory: string, name: string, edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(join(directory, name));
  edit(bytes);
  writeFileSync(join(directory, name), bytes);
}

test('what was appended is read back, in order', async (t) => {
  const { append, directory, log } = bench(t);
  await append(3);
  const frames = readLog(directory, MARK);
  assert.deepEqual(frames, [6, 7, 8].map((number, i) => ({ number, frame: frame(100 + i) })));
  assert.deepEqual(readLog(directory, { ...MARK, applied: 7 }).map(({ number }) => number), [8], 'what the tables hold is left out');
  assert.deepEqual(readLog(directory, { salt: 78, applied: 5 }), [], 'the log of another store is none');
  log.close();
});

test('any size: empty values, a frame of many pages, one larger than a file', async (t) => {
  const { directory, log } = bench(t);
  const sizes = [0, 1, 350, 400, 508, 3_900, 4_000, 100_000, 9 << 20];
  for (const [i, size] of sizes.entries()) await log.append(frame(i + 1, Buffer.alloc(size, 'x')));
  assert.deepEqual(readLog(directory, MARK).map(({ frame: { rows } }) => rows[0]!.value?.length ?? 0), sizes);
  log.close();
});

for (const [what, edit, expected] of [
  ['nothing of the last frame was written', (bytes) => bytes.fill(0, 2 * PAGE, 3 * PAGE), [6, 7]],
  ['its first sector was not written', (bytes) => bytes.fill(0, 2 * PAGE, 2 * PAGE + SECTOR), [6, 7]],
  ['its second sector was not written', (bytes) => bytes.fill(0, 2 * PAGE + SECTOR, 2 * PAGE + 2 * SECTOR), [6, 7]],
  ['its second sector is of an older frame', (bytes) => bytes.copy(bytes, 2 * PAGE + SECTOR, SECTOR, 2 * SECTOR), [6, 7]],
  ['its space behind the data has another content', (bytes) => bytes.fill(0, 3 * PAGE - SECTOR, 3 * PAGE), [6, 7, 8]],
] as [string, (bytes: Buffer) => void, number[]][]) {
  test(`torn: ${what}`, async (t) => {
    const { append, directory, log, read } = bench(t);
    await append(3);
    log.close();
    change(directory, 'log-0', edit);
    assert.deepEqual(read(), expected);
  });
}

test('damaged: a flipped bit of any frame is found, none is taken for one that was torn', async (t) => {
  const { append, directory, log, read } = bench(t);
  await append(3);
  log.close();
  const whole = readFileSync(join(directory, 'log-0'));
  const dataBytes = 3_000 + 76 + 80;
  for (let page = 0; page < 3; page++) {
    for (let at = 0; at < dataBytes; at += 13) {
      const bytes = Buffer.from(whole);
      bytes[page * PAGE + at]! ^= 1 << (at % 8);
      writeFileSync(join(directory, 'log-0'), bytes);
      let found: number[] | undefined;
      try {
        found = read();
      } catch (error) {
        assert.ok(error instanceof CorruptError, String(error));
      }
      // A tag's own bit makes no damage.
      if (found !== undefined) assert.deepEqual(found, [6, 7, 8], `byte ${at} of page ${page}`);
    }
  }
});

test('damaged: a frame before the last that is not there', async (t) => {
  const { append, directory, log, read } = bench(t);
  await append(3);
  log.close();
  change(directory, 'log-0', (bytes) => bytes.fill(0, PAGE, 2 * PAGE));
  assert.throws(read, (error) => error instanceof CorruptError && /record 7 of the log is missing or damaged: record 8 is there/.test(error.message));
});

test('a value that is a frame is not taken for one', async (t) => {
  const { append, directory, log, read } = bench(t);
  await append(1);
  const forged = readFileSync(join(directory, 'log-0')).subarray(0, PAGE);
  for (let shift = 0; shift < SECTOR; shift += 4) await log.append(frame(shift + 200, Buffer.concat([Buffer.alloc(shift), forged, forged])));
  assert.deepEqual(read(), Array.from({ length: 129 }, (_, i) => 6 + i));
  log.close();
});

test('space is used again once its frames are released, and not before', async (t) => {
  let released = 0;
  const { append, directory, log, read } = bench(t, { makeRoom: async () => { released++; log.release(MARK.applied + 5_000); } });
  const sizes = (): number[] => ['log-0', 'log-1'].map((name) => statSync(join(directory, name)).size);
  for (let number = 6; number < 1_006; number++) {
    await append(1);
    if (number % 100 === 0) log.release(number);
  }
  assert.deepEqual(sizes(), [512 * 1024, 512 * 1024], 'a file takes 128 of them');
  assert.deepEqual(readLog(directory, { ...MARK, applied: 1_000 }).map(({ number }) => number), [1_001, 1_002, 1_003, 1_004, 1_005]);
  await append(4_200);
  assert.equal(released, 1, 'one of the files has grown to its limit');
  assert.ok(sizes().every((size) => size <= 8 << 20));
  assert.throws(read, CorruptError);
  log.close();
});

test('a full disk: the log does not grow, what fits is taken', async (t) => {
  let room = true;
  const { append, directory, log, read } = bench(t, { hasRoom: () => room });
  await append(1);
  room = false;
  await append(127);
  await assert.rejects(append(1), DiskFullError);
  assert.equal(read().length, 128);
  log.release(MARK.applied + 128);
  await append(1);
  assert.deepEqual(readLog(directory, { ...MARK, applied: 133 }).map(({ number }) => number), [134], 'it begins anew');
  log.close();
});
