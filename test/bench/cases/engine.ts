/** B1, B2: the embedded engine's puts, from inside and through etcd's own API, beside etcd with the same client. */
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { callLoad } from '../load/call-load.ts';
import { etcdClient } from '../load/etcd-client.ts';
import { compare, type BenchCase, type Result } from '../measurement.ts';
import { newDirectory, removeDirectory } from '../servers/child.ts';
import { startEtcdFace } from '../servers/etcd-face.ts';
import { startEtcdPeer } from '../servers/peers.ts';

const IN_FLIGHT = 64;
const WARM_MS = 1_500;

export const engine: BenchCase = {
  ids: ['B1', 'B2'],
  async run(context) {
    const results: Result[] = [];
    const peer = await startEtcdPeer(context.peerEtcd);
    const client = await etcdClient(peer.url, 1);
    const value = Buffer.alloc(1_024, 'x');
    let puts = 0;
    const theirs = async (durationMs: number): Promise<number> => (await callLoad({ inFlight: IN_FLIGHT, durationMs, call: () => client.put(`/bench/${puts++}`, value) })).perSecond;
    await theirs(WARM_MS);
    if (context.wanted('B1')) {
      const directory = newDirectory();
      const storage = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
      const ours = async (durationMs: number): Promise<number> => (await callLoad({ inFlight: IN_FLIGHT, durationMs, call: () => storage.write({ key: `/bench/${puts++}`, value }) })).perSecond;
      await ours(WARM_MS);
      results.push(await compare(context, {
        id: 'B1', what: 'durable puts of 1 KB into the engine, 64 in flight', unit: '1/s', better: 'higher', aim: '≥ 10 × etcd', note: `${peer.version} over gRPC; ours without any transport`,
        ours: () => ours(context.roundMs), peer: () => theirs(context.roundMs),
      }));
      await storage.close();
      removeDirectory(directory);
    }
    if (context.wanted('B2')) {
      const face = await startEtcdFace();
      if (face === undefined) context.say('B2 left out: this build has no etcd face');
      else {
        const ourClient = await etcdClient(face.url, 1);
        const ours = async (durationMs: number): Promise<number> => (await callLoad({ inFlight: IN_FLIGHT, durationMs, call: () => ourClient.put(`/bench/${puts++}`, value) })).perSecond;
        await ours(WARM_MS);
        results.push(await compare(context, {
          id: 'B2', what: 'durable puts of 1 KB through etcd\'s gRPC API, 64 in flight, the same client', unit: '1/s', better: 'higher', aim: '≥ 2 × etcd', note: peer.version,
          ours: () => ours(context.roundMs), peer: () => theirs(context.roundMs),
        }));
        ourClient.close();
        await face.stop();
      }
    }
    client.close();
    await peer.stop();
    return results;
  },
};
