/**
 * The same random requests to a real etcd and to the face of the memory engine: answers, errors and events are the same.
 *
 * Revisions differ in number (a transaction of n writes moves the face by n), so each is told by its rank: how many writes came before
 * it. `KUBERNODE_FACE_OPERATIONS=20000 KUBERNODE_SEED=n` makes it longer or repeats a run.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { credentials, type Client, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { seededRandom, type Random } from '#base/random';
import { VirtualClock } from '#base/virtual-clock';
import { etcdServices } from '#storage/etcd/definitions';
import { createEtcdFace } from '#storage/etcd-face/etcd-face';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { startEtcd, whyNoEtcd } from '#storage/testing/etcd-server';

const OPERATIONS = Number(process.env['KUBERNODE_FACE_OPERATIONS'] ?? 1_500);
const SEED = Number(process.env['KUBERNODE_SEED'] ?? Date.now() % 1_000_000);
const EVENTS_MS_MAX = 5_000;

type Call = (request: object, done: (error: ServiceError | null, answer: unknown) => void) => void;
interface Side { call(method: string, request: object): Promise<Fields>; watch(request: object): Promise<{ readonly events: Fields[] }>; close(): void; /** Revision of each rank. */ readonly revisions: number[] }
type Fields = Record<string, unknown>;

function connect(address: string): Side {
  const services = etcdServices();
  const kv = new services.KV(address, credentials.createInsecure());
  const watch = new services.Watch(address, credentials.createInsecure()) as unknown as Client & { Watch(): ClientDuplexStream<object, Fields> };
  const streams: ClientDuplexStream<object, Fields>[] = [];
  return {
    revisions: [],
    call: (method, request) => new Promise((resolve) => {
      ((kv as unknown as Record<string, Call>)[method]!).call(kv, request, (error, answer) => {
        resolve(error === null ? answer as Fields : { error: `${error.code} ${error.details}` });
      });
    }),
    watch(request) {
      const stream = watch.Watch();
      streams.push(stream);
      const events: Fields[] = [];
      stream.on('error', () => undefined);
      return new Promise((resolve) => {
        stream.on('data', (answer: Fields) => {
          if (answer['created'] === true) resolve({ events });
          events.push(...answer['events'] as Fields[]);
        });
        stream.write({ create_request: request });
      });
    },
    close() {
      for (const stream of streams) stream.cancel();
      kv.close();
      watch.close();
    },
  };
}

const KEYS = ['a', 'ab', 'abc', 'b', 'ba', 'c', 'ÿ', 'z/1', 'z/2', 'z/3'];
const ENDS = ['', '', '\0', 'b', 'ac', 'zz', 'a'];

class Requests {
  readonly #random: Random;
  readonly #ranks: () => number;
  constructor(random: Random, ranks: () => number) { this.#random = random; this.#ranks = ranks; }

  #one<T>(of: readonly T[]): T { return of[this.#random.integer(of.length)]!; }
  #now(chance: number): boolean { return this.#random.integer(100) < chance; }
  /** Stands for the revision of a rank until it is sent. */
  #rank(): { rank: number } { return { rank: this.#random.integer(this.#ranks() + 2) }; }
  #range(): Fields { return { key: Buffer.from(this.#one(['', ...KEYS, ...KEYS, ...KEYS])), range_end: Buffer.from(this.#one(ENDS)) }; }

  range(): Fields {
    return {
      ...this.#range(), limit: this.#now(30) ? this.#random.integer(4) : 0, keys_only: this.#now(15), count_only: this.#now(10), serializable: this.#now(20),
      revision: this.#now(25) ? this.#rank() : 0, sort_order: this.#now(40) ? this.#random.integer(3) : 0, sort_target: this.#now(40) ? this.#random.integer(5) : 0,
      min_mod_revision: this.#now(10) ? this.#rank() : 0, max_mod_revision: this.#now(10) ? this.#rank() : 0,
      min_create_revision: this.#now(10) ? this.#rank() : 0, max_create_revision: this.#now(10) ? this.#rank() : 0,
    };
  }

  put(): Fields {
    const ignoreValue = this.#now(10);
    return {
      key: Buffer.from(this.#now(3) ? '' : this.#one(KEYS)), value: Buffer.from(ignoreValue && this.#now(80) ? '' : this.#one(['', '1', '2', 'long'.repeat(50)])),
      lease: this.#now(5) ? 77 : 0, prev_kv: this.#now(40), ignore_value: ignoreValue, ignore_lease: this.#now(10),
    };
  }

  deleteRange(): Fields { return { ...this.#range(), prev_kv: this.#now(50) }; }

  #compare(): Fields {
    const target = this.#random.integer(5);
    const what = [{ version: this.#random.integer(4) }, { create_revision: this.#rank() }, { mod_revision: this.#rank() }, { value: Buffer.from(this.#one(['', '1', '2'])) }, { lease: 0 }][target]!;
    return { result: this.#random.integer(4), target, key: Buffer.from(this.#one(KEYS)), range_end: Buffer.from(this.#now(20) ? this.#one(ENDS) : ''), ...what };
  }

  txn(depth = 0): Fields {
    const op = (): Fields => {
      const kind = this.#random.integer(depth < 2 ? 10 : 9);
      if (kind < 4) return { request_put: this.put() };
      if (kind < 7) return { request_range: this.range() };
      if (kind >= 9) return { request_txn: this.txn(depth + 1) };
      const deletes = this.deleteRange();
      // With an end of one zero byte etcd misses what overlaps, and dies of some of it.
      return { request_delete_range: (deletes['range_end'] as Buffer)[0] === 0 ? { ...deletes, range_end: Buffer.from('zz') } : deletes };
    };
    const some = (make: () => Fields, max: number): Fields[] => Array.from({ length: this.#random.integer(max) }, make);
    return { compare: some(() => this.#compare(), 3), success: some(op, 4), failure: some(op, 4) };
  }

  next(): [method: string, request: Fields] {
    const kind = this.#random.integer(100);
    if (kind < 30) return ['Put', this.put()];
    if (kind < 60) return ['Range', this.range()];
    if (kind < 70) return ['DeleteRange', this.deleteRange()];
    return kind < 99 ? ['Txn', this.txn()] : ['Compact', { revision: this.#rank() }];
  }
}

/** A request with the revisions of one side. Empty bytes are left out, as etcd's own clients do: it takes a range end that is there and empty for another. */
function forSide(value: unknown, side: Side): unknown {
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  if ('rank' in value) return side.revisions[value.rank as number] ?? side.revisions.at(-1)! + 1_000;
  return Array.isArray(value) ? value.map((one) => forSide(one, side)) : Object.fromEntries(Object.entries(value).filter(([, one]) => !Buffer.isBuffer(one) || one.length > 0).map(([name, one]) => [name, forSide(one, side)]));
}

/** An answer with ranks instead of revisions, and without what names the server. */
function ranked(value: unknown, side: Side): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => ranked(one, side));
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'header').map(([name, one]) => (
    /^(mod|create|compact)_revision$/.test(name) ? [name, rankOf(one as number, side)] : [name, ranked(one, side)])));
}

function lastRevision(events: readonly Fields[]): number | undefined { return (events.at(-1)?.['kv'] as { mod_revision: number } | undefined)?.mod_revision; }

async function until(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + EVENTS_MS_MAX;
  while (!condition() && performance.now() < untilMs) await new Promise((resolve) => { setTimeout(resolve, 10); });
}

function rankOf(revision: number, side: Side): string { return revision === 0 ? 'none' : `#${side.revisions.indexOf(revision)}`; }

test(`etcd's face answers as etcd: ${OPERATIONS} random requests (seed ${SEED})`, { skip: whyNoEtcd() ?? false, timeout: 120_000 + OPERATIONS * 20 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-face-'));
  const store = createMemoryStorage({ clock: new VirtualClock() });
  const face = createEtcdFace({ store: store.mvcc, name: 'test' });
  const cluster = await startEtcd(1);
  const theirs = connect(cluster.endpoints[0]!.replace('http://', ''));
  const ours = connect((await face.listen({ path: join(directory, 'etcd.sock') })).replace('unix://', 'unix:'));
  try {
    const requests = new Requests(seededRandom(SEED), () => ours.revisions.length);
    for (const side of [theirs, ours]) side.revisions.push(((await side.call('Range', { key: Buffer.from('a') }))['header'] as { revision: number }).revision);
    const all = { key: Buffer.from('\0'), range_end: Buffer.from('\0'), prev_kv: true };
    const watches = await Promise.all([theirs, ours].map((side) => Promise.all([
      side.watch(all), side.watch({ ...all, key: Buffer.from('a'), range_end: Buffer.from('b'), filters: [1] }), side.watch({ key: Buffer.from('z/1'), filters: [0] }),
    ])));
    for (let i = 0; i < OPERATIONS; i++) {
      const [method, request] = requests.next();
      // etcd leaves out what was there before when it is compacted before the event is sent.
      if (method === 'Compact') await until(() => [theirs, ours].every((side, n) => side.revisions.length === 1 || lastRevision(watches[n]![0]!.events) === side.revisions.at(-1)));
      const answers = await Promise.all([theirs, ours].map(async (side) => ({ side, answer: await side.call(method, forSide(request, side) as object) })));
      for (const { side, answer } of answers) {
        const revision = (answer['header'] as { revision: number } | undefined)?.revision ?? 0;
        if (revision > side.revisions.at(-1)!) side.revisions.push(revision);
      }
      const [expected, found] = answers.map(({ side, answer }) => ranked(answer, side));
      assert.deepEqual(found, expected, `operation ${i}: ${method} ${JSON.stringify(ranked(forSide(request, theirs), theirs))}`);
      assert.equal(ours.revisions.length, theirs.revisions.length, `operation ${i}: ${method} wrote`);
    }
    const seen = (): unknown[][] => watches.map((of, side) => of.map(({ events }) => ranked(events, [theirs, ours][side]!)));
    await until(() => JSON.stringify(seen()[0]) === JSON.stringify(seen()[1]));
    const [expected, found] = seen() as [unknown[][], unknown[][]];
    for (const [n, events] of expected.entries()) {
      for (const [i, event] of events.entries()) assert.deepEqual(found[n]![i], event, `watch ${n}, event ${i}`);
      assert.equal(found[n]!.length, events.length, `watch ${n}: events`);
    }
    assert.ok(watches[1]![0]!.events.length > OPERATIONS / 4);
  } finally {
    theirs.close();
    ours.close();
    await face.close();
    await store.close();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
