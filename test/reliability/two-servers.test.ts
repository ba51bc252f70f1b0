/**
 * R18: two API servers on one etcd. Clients move between them all the time: the history over both is strictly serializable,
 * nobody goes back in time, and watches that move miss nothing. `KUBERNODE_TWO_SERVER_OPERATIONS=100000` makes it the nightly
 * size.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINES } from './harness/engines.ts';
import { withDeletionRevisions } from './checkers/deletions.ts';
import { Recorder } from './checkers/history.ts';
import { checkObjectWatch } from './checkers/object-watch-rules.ts';
import { checkStrictSerializability } from './checkers/strict-serializability.ts';
import { runWorkload } from './checkers/workload.ts';
import { checkLedger } from './checkers/write-ledger.ts';
import { localApiServer } from './harness/api-server.ts';
import { apiSubject, onApi } from './harness/api-subject.ts';
import { logSince, startLog } from './harness/live-log.ts';
import { PREFIX } from './harness/object-store.ts';
import { ObjectWatch } from './harness/object-watch.ts';
import { chance, pause, sizeOf } from './harness/size.ts';

const OPERATIONS = sizeOf('TWO_SERVER_OPERATIONS', 400);
const CLIENTS = 16;
const ROUND = 10_000;
const MOVE_MS = 200;
const RANGE = { first: `${PREFIX}default/`, last: `${PREFIX}default0` };
const KEYS = Array.from({ length: 30 }, (_, i) => `${RANGE.first}k${String(i).padStart(2, '0')}`);

const etcd = ENGINES.find((kind) => kind.name === 'etcd')!;

test(`R18: ${OPERATIONS} operations over two API servers on one etcd`, { skip: etcd.skip, timeout: 120_000 + OPERATIONS * 50 }, async (t) => {
  const random = chance(t);
  const opened = await etcd.open();
  const servers = [await localApiServer(opened.engine), await localApiServer(opened.again!())];
  const subjects = servers.map(({ transport }) => apiSubject({ transport: () => transport, persists: () => false }));
  const openers = servers.map(({ transport }) => onApi(() => transport, 'default'));
  let done = 0;
  let events = 0;
  try {
    for (let round = 0; done < OPERATIONS; round++) {
      const start = await startLog(opened.engine);
      const recorder = new Recorder();
      let running = true;
      const watches = Array.from({ length: 6 }, (_, i) => new ObjectWatch({ name: `watch ${i}`, from: i % 2 === 0 ? 'initial' : start.revision, parity: i < 3 ? undefined : 'odd' }));
      watches.forEach((watch, i) => watch.open(openers[i % 2]!));
      // Watches are moved to the other server, wherever they are.
      const moving = (async () => {
        for (let move = 1; running; move++) {
          await pause(MOVE_MS);
          for (const [i, watch] of watches.entries()) { await watch.close(); watch.open(openers[(i + move) % 2]!); }
        }
      })();
      // A client asks one server, then the other, now and then in the same moment as others do.
      await runWorkload({
        recorder, random, clients: CLIENTS, operations: Math.min(ROUND, OPERATIONS - done), keys: KEYS, range: RANGE, label: `r${round}-`,
        subject: () => subjects[random.integer(2)]!, careful: true, listsPercent: 10,
      });
      running = false;
      await moving;
      const log = await logSince(opened.engine, start);
      const operations = withDeletionRevisions(recorder.operations, log);
      const newest = log.newest;
      const records = await Promise.all(watches.map((watch, i) => watch.record(newest, i < 3 ? newest : log.changes.findLast(({ value }) => value !== undefined && /[13579]$/.test(value))?.revision ?? 0, 10_000)));
      assert.deepEqual([
        ...checkStrictSerializability(operations, log, start.revision), ...checkLedger(operations, log), ...records.flatMap((record) => checkObjectWatch(record, log)),
      ].slice(0, 5), []);
      done += operations.length;
      events += records.reduce((sum, record) => sum + record.events.length, 0);
    }
    t.diagnostic(`${done} operations and ${events} events judged`);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await opened.close();
  }
});
