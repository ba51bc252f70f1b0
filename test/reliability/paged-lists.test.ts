/**
 * R10: a list of 5,000 objects in pages of 50, under 200 writes a second, is exactly the state at one revision.
 * `KUBERNODE_PAGED_LISTS=1000` makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { checkPages, type Page } from './checkers/paged-list.ts';
import { ENGINES } from './harness/engines.ts';
import { logSince, startLog } from './harness/live-log.ts';
import { itemsOf, openObjectStore, PREFIX, selectionOf, storeSubject, type ObjectStore } from './harness/object-store.ts';
import { chance, pause, percentile, sizeOf } from './harness/size.ts';

const LISTS = sizeOf('PAGED_LISTS', 4);
const OBJECTS = sizeOf('PAGED_OBJECTS', LISTS >= 100 ? 5_000 : 2_000);
const LIMIT = 50;
/** Between pages, so that writes come between them. */
const PAGE_PAUSE_MS = 4;
const WRITES_PER_SECOND = 200;
const WRITE_EVERY_MS = 25;
const WRITES_AT_ONCE_MAX = 100;
/** A run beside which less is written proves nothing; the small one shares its cores with others. */
const WRITES_PER_SECOND_MIN = LISTS >= 100 ? 180 : 1;
/** Lists judged against one log. */
const BATCH = 20;

async function readInPages({ store }: ObjectStore, namespace: string): Promise<Page[]> {
  const pages: Page[] = [];
  for (let continueToken = ''; ;) {
    const page = await store.list({ selection: selectionOf(undefined, namespace), limit: LIMIT, continueToken, revision: undefined });
    pages.push({ revision: page.revision, items: itemsOf(page.items) });
    if (page.continueToken === '') return pages;
    continueToken = page.continueToken;
    await pause(PAGE_PAUSE_MS);
  }
}

for (const kind of ENGINES.filter((one) => one.name !== 'memory')) {
  test(`R10: ${LISTS} lists of ${OBJECTS} objects in pages on ${kind.name}`, { skip: kind.skip, timeout: 120_000 + LISTS * 10_000 }, async (t) => {
    const random = chance(t);
    const opened = await kind.open();
    const server = await openObjectStore(opened.engine, systemClock);
    try {
      const subject = storeSubject(server);
      const key = (i: number): string => `${PREFIX}n${i % 3}/${String(i).padStart(5, '0')}`;
      for (let from = 0; from < OBJECTS; from += 500) await Promise.all(Array.from({ length: Math.min(500, OBJECTS - from) }, (_, i) => subject.write(key(from + i), `first-${from + i}`, 0)));
      let running = true;
      let number = 0;
      let written = 0;
      const startMs = performance.now();
      // As many as are due by now, so that slow ones do not make them fewer.
      const writing = (async () => {
        while (running) {
          const due = Math.min(WRITES_AT_ONCE_MAX, Math.ceil(((performance.now() - startMs) * WRITES_PER_SECOND) / 1000) - written);
          const batch = new Set(Array.from({ length: Math.max(0, due) }, () => key(random.integer(OBJECTS * 1.1))));
          await Promise.all([...batch].map((one) => subject.write(one, random.integer(5) === 0 ? undefined : `w-${number++}`, undefined)));
          written += batch.size;
          await pause(WRITE_EVERY_MS);
        }
      })();
      const times: number[] = [];
      for (let done = 0; done < LISTS; done += BATCH) {
        const start = await startLog(opened.engine);
        const lists: { namespace: string; pages: Page[] }[] = [];
        for (let i = 0; i < Math.min(BATCH, LISTS - done); i++) {
          const namespace = i % 2 === 0 ? '' : `n${i % 3}`;
          const fromMs = performance.now();
          lists.push({ namespace, pages: await readInPages(server, namespace) });
          times.push(performance.now() - fromMs);
        }
        const log = await logSince(opened.engine, start);
        for (const [i, { namespace, pages }] of lists.entries()) {
          const range = namespace === '' ? { first: PREFIX, last: `${PREFIX.slice(0, -1)}0` } : { first: `${PREFIX}${namespace}/`, last: `${PREFIX}${namespace}0` };
          assert.ok(pages.length >= OBJECTS / 3 / LIMIT / 2);
          assert.deepEqual(checkPages(`list ${done + i}`, pages, range, LIMIT, log), []);
        }
      }
      const seconds = (performance.now() - startMs) / 1000;
      running = false;
      await writing;
      t.diagnostic(`${LISTS} lists, ${Math.round(written / seconds)} writes/s beside them; p50 ${Math.round(percentile(times, 0.5))} ms, p99 ${Math.round(percentile(times, 0.99))} ms a list`);
      assert.ok(written >= WRITES_PER_SECOND_MIN * seconds, 'too little was written: the run proves nothing');
    } finally {
      await server.close();
      await opened.close();
    }
  });
}
