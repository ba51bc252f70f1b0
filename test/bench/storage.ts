/**
 * Measures the storage engines: durable puts, reads, watch fan-out, restart. Prints one JSON line per figure; never fails on time.
 *
 * `node --import tsx test/bench/storage.ts [embedded|memory] [--keys 150000]`
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import type { StorageEngine } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { createMemoryStorage } from '#storage/memory/memory-storage';

const kind = process.argv[2] === 'memory' ? 'memory' : 'embedded';
const keysFlag = process.argv.indexOf('--keys');
const KEYS = keysFlag > 0 ? Number(process.argv[keysFlag + 1]) : 150_000;
const VALUE_BYTES = 3_800;

let directory = mkdtempSync(join(tmpdir(), 'kubernode-bench-'));
const open = async (): Promise<StorageEngine> => (kind === 'memory'
  ? createMemoryStorage({ clock: systemClock }) : await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger }));
const report = (what: string, value: number, unit: string, more: object = {}): void => {
  console.log(JSON.stringify({ engine: kind, what, value: Math.round(value * 100) / 100, unit, ...more }));
};
const percentile = (sorted: Float64Array, share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

async function puts(engine: StorageEngine, inFlight: number, total: number, bytes: number): Promise<void> {
  const value = Buffer.alloc(bytes, 'x');
  const latencies = new Float64Array(total);
  let next = 0;
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (next < total) {
      const i = next++;
      const sentMs = performance.now();
      await engine.write({ key: `/bench/${inFlight}/${i}`, value, expectedRevision: 0 });
      latencies[i] = performance.now() - sentMs;
    }
  }));
  const tookMs = performance.now() - startMs;
  latencies.sort();
  report(`durable creates of ${bytes} B, ${inFlight} in flight`, total / tookMs * 1000, '1/s',
    { p50Ms: Number(percentile(latencies, 0.5).toFixed(3)), p99Ms: Number(percentile(latencies, 0.99).toFixed(3)) });
}

async function fanOut(engine: StorageEngine, watchers: number, events: number): Promise<void> {
  const abort = new AbortController();
  setMaxListeners(watchers + 1, abort.signal);
  const afterRevision = await engine.currentRevision();
  const reading = Array.from({ length: watchers }, async () => {
    let seen = 0;
    for await (const batch of engine.watch({ start: '/fan/', end: '/fan0', afterRevision, signal: abort.signal })) {
      seen += batch.events.length;
      if (seen >= events) return;
    }
  });
  const startMs = performance.now();
  const value = Buffer.alloc(1_000);
  for (let i = 0; i < events; i += 10) await Promise.all(Array.from({ length: 10 }, (_, n) => engine.write({ key: `/fan/${i + n}`, value })));
  await Promise.all(reading);
  abort.abort();
  report(`events delivered to ${watchers} watches`, watchers * events / (performance.now() - startMs) * 1000, '1/s');
}

async function commitToWatcher(engine: StorageEngine): Promise<void> {
  const abort = new AbortController();
  const afterRevision = await engine.currentRevision();
  const total = 3_000;
  const lags = new Float64Array(total);
  const reading = (async () => {
    let seen = 0;
    for await (const batch of engine.watch({ start: '/lag/', end: '/lag0', afterRevision, signal: abort.signal })) {
      for (const event of batch.events) lags[seen++] = performance.now() - Number(event.value.toString());
      if (seen >= total) return;
    }
  })();
  for (let i = 0; i < total; i++) {
    const startMs = performance.now();
    void engine.write({ key: `/lag/${i % 100}`, value: Buffer.from(String(startMs)) });
    while (performance.now() - startMs < 1) await new Promise((resolve) => { setImmediate(resolve); });
  }
  await reading;
  abort.abort();
  lags.sort();
  report('write to watcher at 1,000 writes/s, p50', percentile(lags, 0.5), 'ms', { p99Ms: Number(percentile(lags, 0.99).toFixed(3)) });
}

let engine = await open();
await puts(engine, 1, kind === 'memory' ? 20_000 : 3_000, 1_024);
await puts(engine, 64, 60_000, 1_024);
await puts(engine, 256, 60_000, 1_024);
await fanOut(engine, 100, 2_000);
await commitToWatcher(engine);
await engine.close();
rmSync(directory, { recursive: true, force: true });
directory = mkdtempSync(join(tmpdir(), 'kubernode-bench-'));
engine = await open();
await puts(engine, 512, KEYS, VALUE_BYTES);
await engine.compact(await engine.currentRevision());
const stall = monitorEventLoopDelay({ resolution: 1 });
stall.enable();
let startMs = performance.now();
const { items } = await engine.range({ start: '/bench/512/', end: '/bench/5120' });
report(`range of ${items.length} values`, performance.now() - startMs, 'ms', { longestStallMs: Math.round(stall.max / 1e6) });

startMs = performance.now();
for (let i = 0; i < 20_000; i++) await engine.get(`/bench/512/${(i * 7919) % KEYS}`);
report('get', 20_000 / (performance.now() - startMs) * 1000, '1/s');
if (kind === 'embedded') {
  await engine.close();
  report('file', statSync(join(directory, 'data.mdb')).size / 2 ** 20, 'MiB');
  startMs = performance.now();
  engine = await open();
  report(`reopen with ${(await engine.status()).keys} keys`, performance.now() - startMs, 'ms');
}
await engine.close();
rmSync(directory, { recursive: true, force: true });
