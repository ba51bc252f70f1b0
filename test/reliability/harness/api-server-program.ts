/**
 * An API server on an embedded store, for tests that kill it: `<data directory> <port> <compact every ms> <keep revisions>`.
 * Prints `ready <port> <ms it took> <ms of which the store was opened>`; the administrator's credentials lie in `pki/`.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createApiServer } from '#apiserver/server';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';

const [dataDirectory, port, compactEveryMs = '0', keepRevisions = '0'] = process.argv.slice(2) as [string, string, string?, string?];
const startMs = performance.now();
const storage = await openEmbeddedStorage({ directory: join(dataDirectory, 'storage'), clock: systemClock, log: silentLogger, onFailure: () => process.exit(3) });
const openedMs = performance.now();
const pki = clusterPki({ directory: join(dataDirectory, 'pki'), clock: systemClock, random: systemRandom });
const server = createApiServer({ storage, clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(), pki, advertise: `127.0.0.1:${port}` });
await server.start(new AbortController().signal);
const bound = await server.listen({ host: '127.0.0.1', port: Number(port) });
writeSync(1, `ready ${bound.port} ${Math.round(performance.now() - startMs)} ${Math.round(openedMs - startMs)}\n`);

if (compactEveryMs !== '0') {
  for (;;) {
    await systemClock.sleep(Number(compactEveryMs));
    await storage.compact(Math.max(1, await storage.currentRevision() - Number(keepRevisions)));
  }
}
