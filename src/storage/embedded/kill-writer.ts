/**
 * The victim of the kill test: opens a store and writes as fast as it can, telling each acknowledged write on stdout as
 * `<revision> <key> <number> <deleted?>`.
 * Run as a program: `node --import tsx kill-writer.ts
 * <directory> <writers> <compact every ms> <first number> [<writes, then end> [<kill at>]]`. It can kill itself at the n-th time
 * that it reaches a point of a compaction: `line:before:3` is before the third line is written, `rows:after:1` after the first rows
 * have gone.
 */
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { tell } from '../testing/tell.ts';
import type { EmbeddedDatabase } from './database.ts';
import { openEmbeddedStorage } from './embedded-storage.ts';

const [directory, writers, compactEveryMs, firstNumber, writes = '0', killAt = ''] = process.argv.slice(2) as [string, string, string, string, string?, string?];
const KEYS_PER_WRITER = 40;

/** The value of a write: its key and number, padded; both sides can make it. */
function valueOf(key: string, number: number): Buffer {
  return Buffer.from(`${key}#${number}#`.padEnd(200 + (number * 37) % 3_000, String(number % 10)));
}

function withKill(database: EmbeddedDatabase): EmbeddedDatabase {
  const [part, when, count] = killAt.split(':');
  let left = Number(count);
  let compacted = 0;
  const reach = (moment: string): void => { if (when === moment && --left === 0) process.kill(process.pid, 'SIGKILL'); };
  return {
    ...database,
    async commit(batch) {
      const here = part === 'line' ? (batch.state?.compacted ?? 0) > compacted : batch.removed.length > 0;
      compacted = Math.max(compacted, batch.state?.compacted ?? 0);
      if (here) reach('before');
      await database.commit(batch);
      if (here) reach('after');
    },
  };
}

const engine = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger, ...(killAt === '' ? {} : { wrapDatabase: withKill }) });
tell(`open ${await engine.currentRevision()}`);

let number = Number(firstNumber);
const last = writes === '0' ? Infinity : number + Number(writes);
async function write(writer: number): Promise<void> {
  while (number < last) {
    const mine = number++;
    const key = `/registry/things/${writer}/${mine % KEYS_PER_WRITER}`;
    const deletes = mine % 9 === 0;
    const result = await engine.write({ key, value: deletes ? undefined : valueOf(key, mine) });
    if (result.ok) tell(`${result.revision} ${key} ${mine} ${deletes ? 'deleted' : ''}`);
  }
}
async function compactEvery(intervalMs: number): Promise<void> {
  for (;;) {
    await systemClock.sleep(intervalMs);
    await engine.compact(Math.max(1, await engine.currentRevision() - 500));
  }
}
if (compactEveryMs !== '0') void compactEvery(Number(compactEveryMs));
await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(writer)));
process.exit(0);
