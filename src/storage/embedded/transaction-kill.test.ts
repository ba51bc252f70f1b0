/** R1 for transactions: a process that is killed leaves each of them whole or not at all, and none that was acknowledged is lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { openEmbeddedStorage } from './embedded-storage.ts';

const KILLS = 3;
const KEYS = 40;

/** Four writers, each with keys of its own; each transaction writes all keys of one with the same number. */
const VICTIM = `
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { openEmbeddedStorage } from ${JSON.stringify(join(import.meta.dirname, 'embedded-storage.ts'))};
import { tell } from ${JSON.stringify(join(import.meta.dirname, '../testing/tell.ts'))};
const [directory, first] = process.argv.slice(1);
const store = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
for (const writer of [0, 1, 2, 3]) void (async () => {
  for (let n = Number(first); ; n++) {
    const { revision } = await store.mvcc.transact((tx) => { for (let k = 0; k < ${KEYS}; k++) tx.put(writer + '/' + k, Buffer.from(String(n)), 0); });
    tell(writer + ' ' + n + ' ' + revision);
  }
})();
`;

test(`${KILLS} kills: transactions are whole, acknowledged ones are there`, { timeout: 100_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-transaction-kill-'));
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', VICTIM, directory, String(kill * 1_000_000)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      const gone = new Promise((resolve) => { child.on('close', resolve); });
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.length > 2_000 + kill * 777) child.kill('SIGKILL');
      });
      await gone;
      const acked = new Map(output.split('\n').slice(0, -1).map((line) => line.split(' ').map(Number) as [number, number, number]).map(([writer, number, revision]) => [writer, { number, revision }]));
      const store = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
      for (const [writer, { number, revision }] of acked) {
        const { items } = await store.range({ start: `${writer}/`, end: `${writer}0` });
        assert.equal(items.length, KEYS);
        assert.equal(new Set(items.map(({ value, modRevision }) => `${value.toString()} at ${modRevision}`)).size, 1, `writer ${writer} is torn`);
        assert.ok(Number(items[0]!.value.toString()) >= number && items[0]!.modRevision >= revision, `writer ${writer}: ${number} was acknowledged`);
      }
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
