/** A clone that nobody has built yet says so. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('bin/kubernode of a clone that is not built says what to run', async (t) => {
  const clone = mkdtempSync(join(tmpdir(), 'kubernode-unbuilt-'));
  t.after(() => rmSync(clone, { recursive: true, force: true }));
  const root = join(import.meta.dirname, '../..');
  for (const path of ['package.json', 'bin']) cpSync(join(root, path), join(clone, path), { recursive: true });
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [join(clone, 'bin/kubernode'), 'status'], (error, _stdout, text) => { resolve({ code: error?.code, stderr: text }); });
  });
  assert.equal(code, 1);
  assert.match(stderr, /^kubernode: this clone is not built: run script\/up, .* npm run build\n$/);
});
