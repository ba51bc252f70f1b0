/**
 * R1: kill -9 at random moments under load: no acknowledged write is lost or damaged, revisions have no gap, and a watch from
 * an old revision replays exactly what was acknowledged. `KUBERNODE_KILLS=1000` makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import type { StorageEngine, WatchEvent } from '../contract.ts';
import { collectEvents } from '../testing/watch-reader.ts';
import { openEmbeddedStorage } from './embedded-storage.ts';

const KILLS = Number(process.env['KUBERNODE_KILLS'] ?? 10);
const WRITERS = 16;
const KILL_WITHIN_MS = 300;
/** A run that writes less has not proved anything; the small one runs beside other tests on few cores. */
const ACKED_PER_SECOND_MIN = KILLS >= 100 ? 500 : 50;

const REOPEN_MS_MAX = 250;

/** Of sorted values. */
function percentile99(sorted: readonly number[]): number { return sorted[Math.floor((sorted.length - 1) * 0.99)]!; }

interface Acked { readonly revision: number; readonly key: string; readonly number: number; readonly deleted: boolean }

/** Starts a writer, kills it `afterMs` after its store is open; answers what it was told. */
async function runAndKill(directory: string, afterMs: number, compactEveryMs: number, firstNumber: number): Promise<{ acked: Acked[]; writingMs: number }> {
  const program = fileURLToPath(new URL('./kill-writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', program, directory, String(WRITERS), String(compactEveryMs), String(firstNumber)],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  let openedAt = 0;
  child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString(); });
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (openedAt !== 0) return;
    openedAt = performance.now();
    setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  const [, signal] = await new Promise<[number | null, string | null]>((resolve) => { child.on('close', (code, by) => resolve([code, by])); });
  assert.equal(signal, 'SIGKILL', `the writer ended by itself: ${errors}`);
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n').slice(1).filter((line) => line !== '');
  const acked = lines.map((line) => {
    const [revision, key, number, deleted] = line.split(' ');
    return { revision: Number(revision), key: key!, number: Number(number), deleted: deleted === 'deleted' };
  });
  return { acked, writingMs: performance.now() - openedAt };
}

/** The last write to each key that is known to have happened: acknowledged, or found in the log without (killed before the answer). */
type Model = Map<string, { readonly revision: number; readonly deleted: boolean }>;

function note(model: Model, key: string, revision: number, deleted: boolean): void {
  if ((model.get(key)?.revision ?? 0) < revision) model.set(key, { revision, deleted });
}

/** Everything acknowledged is in the log at its revision with its value; nothing is missing between; the state is the log's end. */
async function check(engine: StorageEngine, acked: readonly Acked[], model: Model): Promise<void> {
  const { revision, compactedRevision } = await engine.status();
  const from = Math.max(1, compactedRevision);
  const events = revision === from ? [] : await collectEvents(engine, { start: '/', end: '0', afterRevision: from }, revision - from, 10_000);
  events.forEach((event, i) => assert.equal(event.revision, from + 1 + i, 'revisions are contiguous'));
  const byRevision = new Map<number, WatchEvent>(events.map((event) => [event.revision, event]));
  for (const event of events) note(model, event.key, event.revision, event.type === 'delete');
  for (const write of acked) {
    note(model, write.key, write.revision, write.deleted);
    if (write.revision <= from) continue;
    const event = byRevision.get(write.revision);
    assert.ok(event !== undefined, `acknowledged revision ${write.revision} is lost`);
    assert.equal(event.key, write.key);
    assert.equal(event.type, write.deleted ? 'delete' : 'put');
    if (!write.deleted) assert.ok(event.value.toString().startsWith(`${write.key}#${write.number}#`), `value of ${write.revision}`);
  }
  const state = (await engine.range({ start: '/', end: '0' })).items;
  const expected = [...model].filter(([, last]) => !last.deleted).map(([key, last]) => `${key}@${last.revision}`).sort();
  assert.deepEqual(state.map((item) => `${item.key}@${item.modRevision}`).sort(), expected);
}

test(`R1: embedded: ${KILLS} kills under load lose nothing`, { timeout: 60_000 + KILLS * 5_000 }, async (t) => {
  const seed = Number(process.env['KUBERNODE_SEED'] ?? Math.floor(performance.timeOrigin) % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const directory = await mkdtemp(join(tmpdir(), 'kubernode-kill-'));
  /** Those that history may still show; what is compacted has been judged, and stands in the model. */
  let recent: Acked[] = [];
  let total = 0;
  const model: Model = new Map();
  let writingMs = 0;
  const reopenMs: number[] = [];
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const { acked, writingMs: took } = await runAndKill(directory, random.integer(KILL_WITHIN_MS), kill % 2 === 0 ? 0 : 20, 1 + kill * 1_000_000);
      recent.push(...acked);
      total += acked.length;
      writingMs += took;
      const startMs = performance.now();
      const engine = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
      reopenMs.push(performance.now() - startMs);
      await check(engine, recent, model);
      const { compactedRevision } = await engine.status();
      recent = recent.filter(({ revision }) => revision > compactedRevision);
      // Left as after a kill for the next round: the process that wrote is what died, not this one.
      await engine.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  reopenMs.sort((a, b) => a - b);
  t.diagnostic(`${total} acknowledged writes in ${Math.round(writingMs)} ms, reopen p50 ${Math.round(reopenMs[reopenMs.length >> 1]!)} ms, p99 ${Math.round(percentile99(reopenMs))} ms, max ${Math.round(reopenMs.at(-1)!)} ms`);
  if (KILLS >= 100) assert.ok(percentile99(reopenMs) <= REOPEN_MS_MAX, `reopen p99 is ${Math.round(percentile99(reopenMs))} ms`);
  assert.ok(total >= ACKED_PER_SECOND_MIN * writingMs / 1000, `only ${total} writes in ${writingMs} ms: the run proves nothing`);
});
