import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import { CompactedError, type WatchBatch } from '../contract.ts';
import type { EtcdConnection } from './connection.ts';
import type { EtcdEvent, EtcdKeyValue, WatchResponse } from './messages.ts';
import { etcdWatch } from './watch.ts';

const PUT = 0;
const DELETE = 1;
const kv = (revision: number, version: number): EtcdKeyValue => ({ key: Buffer.from('/a'), value: Buffer.from('x'), create_revision: 5, mod_revision: revision, version, lease: 0 });

/** What a watch after revision 4 makes of one response with these events. */
async function told(events: readonly EtcdEvent[]): Promise<WatchBatch | void> {
  const stream = Object.assign(new Duplex({ objectMode: true, read() {}, write: (_request, _encoding, taken) => taken() }), { cancel: () => undefined });
  const connection = { stream: async () => ({ stream, done: () => undefined }), leaveCurrent: () => undefined } as unknown as EtcdConnection;
  const watch = etcdWatch(connection, new VirtualClock(), { start: '/', end: '0', afterRevision: 4, signal: new AbortController().signal }, new AbortController().signal);
  const batches = watch.batches();
  const response: WatchResponse = { header: { revision: 9 }, watch_id: 0, created: false, canceled: false, compact_revision: 0, cancel_reason: '', events };
  stream.push(response);
  try {
    return (await batches.next()).value;
  } finally {
    await batches.return();
  }
}

test('creations have no value before them, other events have', async () => {
  const batch = await told([{ type: PUT, kv: kv(5, 1), prev_kv: null }, { type: PUT, kv: kv(6, 2), prev_kv: kv(5, 1) }, { type: DELETE, kv: kv(7, 0), prev_kv: kv(6, 2) }]);
  assert.deepEqual(batch?.events.map(({ type, created, previous }) => [type, created, previous?.modRevision]), [['put', true, undefined], ['put', false, 5], ['delete', false, 6]]);
});

for (const [name, event] of [['change', { type: PUT, kv: kv(6, 2), prev_kv: null }], ['deletion', { type: DELETE, kv: kv(6, 0), prev_kv: null }]] as const) {
  test(`a ${name} whose value before has been compacted away ends the watch`, () => assert.rejects(told([event]), CompactedError));
}
