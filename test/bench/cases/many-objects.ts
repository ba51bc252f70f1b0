/** A5: a selector that matches none of 300,000 objects. */
import { filledDirectory } from '../fixtures.ts';
import { httpLoad, httpRequest, openConnections } from '../load/http-load.ts';
import { resultOf, type BenchCase } from '../measurement.ts';
import { newDirectory, removeDirectory } from '../servers/child.ts';
import { startKubernode } from '../servers/kubernode.ts';

const OBJECTS = 300_000;

export const manyObjects: BenchCase = {
  ids: ['A5'],
  async run(context) {
    const directory = newDirectory();
    try {
      const count = context.size(OBJECTS);
      context.say(`filling a store with ${count} ConfigMaps`);
      await filledDirectory(directory, 'configmaps', count, (name) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}","labels":{"app":"bench","group":"group-00000"}},"data":{"a":"b"}}`);
      const server = await startKubernode({ directory });
      const request = httpRequest('GET', '/api/v1/configmaps?labelSelector=app%3Dnobody');
      const connections = await openConnections(server.endpoint, 1);
      const p50: number[] = [];
      for (let round = 0; round <= context.rounds; round++) {
        const { latencyMs } = await httpLoad({ connections, durationMs: context.roundMs / 4, expect: 200, request: () => request });
        if (round > 0) p50.push(latencyMs.p50);
      }
      await server.stop();
      return [resultOf({ id: 'A5', what: `LIST by a label that none of ${count} objects has, p50`, unit: 'ms', better: 'lower', aim: '≤ 1 ms' }, p50)];
    } finally {
      removeDirectory(directory);
    }
  },
};
