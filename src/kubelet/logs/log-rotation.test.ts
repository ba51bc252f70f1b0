import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import type { RuntimeService } from '../cri/contract.ts';
import { rotateOne } from './log-rotation.ts';

describe('log rotation', () => {
  it('renames, reopens, compresses what is older, keeps a few', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kn-rotation-'));
    const path = join(dir, '0.log');
    const clock = new VirtualClock();
    const runtime = { reopenContainerLog: async () => { writeFileSync(path, ''); } } as unknown as RuntimeService;
    const options = { runtime, clock, log: silentLogger, maxBytes: 4, maxFiles: 3 };
    writeFileSync(path, 'abc');
    assert.equal(await rotateOne(options, 'id', path), false);
    for (const text of ['first', 'second', 'third']) {
      writeFileSync(path, text);
      assert.equal(await rotateOne(options, 'id', path), true);
      await clock.advance(10_000);
    }
    assert.deepEqual(readdirSync(dir).sort(), ['0.log', '0.log.20260101-000010.gz', '0.log.20260101-000020']);
    assert.equal(gunzipSync(readFileSync(join(dir, '0.log.20260101-000010.gz'))).toString(), 'second');
    writeFileSync(path, 'fourth');
    await assert.rejects(rotateOne({ ...options, runtime: { reopenContainerLog: async () => { throw new Error('down'); } } as unknown as RuntimeService }, 'id', path), { message: 'down' });
    assert.equal(readFileSync(path, 'utf8'), 'fourth');
    rmSync(dir, { recursive: true });
  });
});
