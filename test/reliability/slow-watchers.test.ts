/**
 * R7: watchers whose sockets are opened and never read cost the server next to nothing, are cut off when their time is up, lose
 * nothing by it, and healthy ones do not notice. `KUBERNODE_STALLED_WATCHERS=200 KUBERNODE_STALL_EVENTS=10000` make it the
 * nightly size, which also waits for the end of the stalled ones.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { lines } from '#client/watch-stream';
import type { Transport, TransportResponse } from '#client/transport';
import { WATCH_STALL_MS_MAX } from '#apiserver/store/watch-stream';
import { apiServerProcess, type ApiServerProcess } from './harness/api-server-process.ts';
import { apiSubject } from './harness/api-subject.ts';
import { PREFIX } from './harness/object-store.ts';
import { pause, percentile, sizeOf } from './harness/size.ts';

const STALLED = sizeOf('STALLED_WATCHERS', 30);
const EVENTS = sizeOf('STALL_EVENTS', 400);
const HEALTHY = 4;
const WRITERS = 16;
const KEYS = 50;
const PADDING = 'p'.repeat(2_048);
const NIGHTLY = STALLED >= 100;
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;
const LAG_MS_MAX = NIGHTLY ? 250 : 10_000;
const END_MS_MAX = 10_000;

interface Frame { readonly type: string; readonly object: { readonly metadata: { readonly resourceVersion: string } } }

/** Of its own: pages of the store's file, which the kernel maps in as they are written, are no cost of watchers. */
function residentBytes(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

const openWatch = (transport: Transport, revision: number): Promise<TransportResponse> =>
  transport.request({ method: 'GET', path: `/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${revision}&timeoutSeconds=3600`, headers: { accept: 'application/json' } });

/** Revisions in the order they come, until the stream ends or `enough`. */
async function revisionsOf(response: TransportResponse, enough: (revision: number) => boolean, seen: (revision: number) => void = () => undefined): Promise<number[]> {
  const revisions: number[] = [];
  try {
    for await (const line of lines(response.body)) {
      let frame: Frame;
      try { frame = JSON.parse(line.toString()) as Frame; } catch { break; }
      if (frame.type === 'ERROR') break;
      const revision = Number(frame.object.metadata.resourceVersion);
      revisions.push(revision);
      seen(revision);
      if (enough(revision)) break;
    }
  } catch {
    // Cut off.
  }
  response.cancel();
  return revisions;
}

interface Load {
  readonly transport: Transport;
  /** The revision before the first write, and the newest acknowledged. */
  readonly start: number;
  newest(): number;
  /** When each revision was acknowledged. */
  readonly ackedMs: ReadonlyMap<number, number>;
  write(count: number): Promise<void>;
}

async function startLoad(server: ApiServerProcess): Promise<Load> {
  await server.start();
  const transport = server.transport();
  const subject = apiSubject({ transport: () => transport, persists: () => true });
  for (let key = 0; key < KEYS; key++) assert.equal((await subject.write(`${PREFIX}default/k${key}`, `${PADDING}-0`, 0)).kind, 'done');
  const { revision: start } = await subject.list(`${PREFIX}default/`, `${PREFIX}default0`);
  const ackedMs = new Map<number, number>();
  let newest = start;
  let number = 1;
  return {
    transport, start, ackedMs,
    newest: () => newest,
    async write(count) {
      const end = number + count;
      await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => {
        while (number < end) {
          const mine = number++;
          const outcome = await subject.write(`${PREFIX}default/k${(mine * WRITERS + writer) % KEYS}`, `${PADDING}-${mine}`, undefined);
          if (outcome.kind !== 'done') continue;
          ackedMs.set(outcome.revision, performance.now());
          newest = Math.max(newest, outcome.revision);
        }
      }));
    },
  };
}

/** The most that the server holds of its own while `work` goes on. */
async function mostBytesDuring(server: ApiServerProcess, work: Promise<void>): Promise<number> {
  let most = residentBytes(server.pid()!);
  const measuring = setInterval(() => { most = Math.max(most, residentBytes(server.pid()!)); }, 50);
  try { await work; } finally { clearInterval(measuring); }
  return most;
}

/** What the same load makes of a server nobody stalls on: history, and what is not collected yet. */
async function growthWithoutStalled(): Promise<number> {
  const server = await apiServerProcess({ compactEveryMs: 0, keepRevisions: 0 });
  let load: Load | undefined;
  try {
    load = await startLoad(server);
    const { transport, start } = load;
    let last = Infinity;
    const healthy = Array.from({ length: HEALTHY }, async () => revisionsOf(await openWatch(transport, start), (revision) => revision >= last));
    await load.write(EVENTS);
    const before = residentBytes(server.pid()!);
    await pause(200);
    const most = await mostBytesDuring(server, load.write(EVENTS - 1));
    last = load.newest() + 1;
    await load.write(1);
    await Promise.all(healthy);
    return most - before;
  } finally {
    await load?.transport.close();
    await server.dispose();
  }
}

test(`R7: ${STALLED} stalled watchers and ${EVENTS} events`, { timeout: 180_000 + EVENTS * 60 }, async (t) => {
  const withoutStalled = NIGHTLY ? await growthWithoutStalled() : 0;
  const server = await apiServerProcess({ compactEveryMs: 0, keepRevisions: 0 });
  let load: Load | undefined;
  try {
    load = await startLoad(server);
    const { transport, start, ackedMs } = load;
    const arrivedMs: { revision: number; ms: number }[] = [];
    let last = Infinity;
    const healthy = Array.from({ length: HEALTHY }, async () => revisionsOf(await openWatch(transport, start), (revision) => revision >= last, (revision) => { arrivedMs.push({ revision, ms: performance.now() }); }));
    // The same load without stalled watchers first, so that what is measured is what they cost.
    await load.write(EVENTS);
    const before = residentBytes(server.pid()!);
    const from = load.newest();
    const stalled = await Promise.all(Array.from({ length: STALLED }, () => openWatch(transport, from)));
    await pause(200);
    const connected = residentBytes(server.pid()!);
    const most = await mostBytesDuring(server, load.write(EVENTS - 1));
    last = load.newest() + 1;
    await load.write(1);
    const streams = await Promise.all(healthy);
    const expected = [...ackedMs.keys()].sort((a, b) => a - b);
    for (const revisions of streams) assert.deepEqual(revisions, expected);
    const lags = arrivedMs.map(({ revision, ms }) => Math.max(0, ms - ackedMs.get(revision)!));
    const cost = most - before - withoutStalled;
    const inMiB = (bytes: number): number => Math.round(bytes / 2 ** 20);
    t.diagnostic(`${inMiB(cost)} MiB more for ${STALLED} stalled watchers than without (${inMiB(withoutStalled)} MiB), ${inMiB(connected - before)} of it for their connections; healthy ones lag p50 ${percentile(lags, 0.5).toFixed(1)} ms, p99 ${percentile(lags, 0.99).toFixed(1)} ms`);
    assert.ok(cost <= GROWTH_BYTES_MAX, 'stalled watchers cost too much');
    if (NIGHTLY) await pause(WATCH_STALL_MS_MAX + END_MS_MAX);
    // What had reached them, then the rest by another watch: nothing is lost.
    const told = await Promise.all(stalled.map((response) => revisionsOf(response, (revision) => revision >= last)));
    const cut = told.filter((revisions) => (revisions.at(-1) ?? from) < last);
    t.diagnostic(`${cut.length} of ${STALLED} were cut off behind the last event`);
    if (NIGHTLY) assert.ok(cut.length > STALLED / 2, 'the stalled ones were not cut off');
    const own = expected.filter((revision) => revision > from);
    for (const revisions of told.slice(0, 20)) {
      const rest = (revisions.at(-1) ?? from) >= last ? [] : await revisionsOf(await openWatch(transport, revisions.at(-1) ?? from), (revision) => revision >= last);
      assert.deepEqual([...revisions, ...rest], own);
    }
    assert.ok(percentile(lags, 0.99) <= LAG_MS_MAX, 'healthy watchers lag');
  } finally {
    await load?.transport.close();
    await server.dispose();
  }
});
