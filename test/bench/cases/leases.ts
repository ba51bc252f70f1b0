/** A9: renewals of node Leases, held for a time. */
import { send } from '../fixtures.ts';
import { httpLoad, httpRequest, openConnections } from '../load/http-load.ts';
import { resultOf, type BenchCase } from '../measurement.ts';
import { startKubernode } from '../servers/kubernode.ts';

const NODES = 5_000;
const IN_FLIGHT = 64;
const WARM_MS = 8_000;
/** Where the version stands in an answer. */
const VERSION_WITHIN_BYTES = 400;
const COLLECTION = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

/** As kubelets do it: the whole Lease, at the version its one writer has seen last. */
function renewals(nodes: number): { request(n: number): string; onBody(n: number, body: Buffer): void } {
  const versions: string[] = [];
  return {
    request(n) {
      const name = `node-${n % nodes}`;
      const at = new Date(Date.UTC(2026, 0, 1) + n).toISOString().replace('Z', '000Z');
      const version = versions[n % nodes] === undefined ? '' : `,"resourceVersion":"${versions[n % nodes]}"`;
      return httpRequest(version === '' ? 'GET' : 'PUT', `${COLLECTION}/${name}`, version === '' ? undefined
        : `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"${name}","namespace":"kube-node-lease"${version}},"spec":{"holderIdentity":"${name}","leaseDurationSeconds":40,"renewTime":"${at}"}}`);
    },
    onBody(n, body) { versions[n % nodes] = /"resourceVersion":"(\d+)"/.exec(body.toString('latin1', 0, VERSION_WITHIN_BYTES))![1]!; },
  };
}

export const leases: BenchCase = {
  ids: ['A9'],
  async run(context) {
    const server = await startKubernode();
    const nodes = context.size(NODES);
    for (let i = 0; i < nodes; i += IN_FLIGHT) {
      await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, nodes - i) }, (_, k) => send(server, 'POST', COLLECTION,
        `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"node-${i + k}"},"spec":{"holderIdentity":"node-${i + k}","leaseDurationSeconds":40,"renewTime":"2026-01-01T00:00:00.000000Z"}}`)));
    }
    const renewal = renewals(nodes);
    const connections = await openConnections(server.endpoint, IN_FLIGHT);
    const run = (durationMs: number): ReturnType<typeof httpLoad> => httpLoad({ connections, durationMs, expect: 200, request: renewal.request, onBody: renewal.onBody });
    await run(WARM_MS);
    await server.read('reset');
    const cpuBefore = server.cpuMs();
    const { perSecond, latencyMs } = await run(context.holdMs);
    context.stalls.push({ id: 'A9', ms: (await server.read('reset')).stallMs });
    const cpu = (server.cpuMs() - cpuBefore) * 1000 / (perSecond * context.holdMs / 1000);
    const memory = server.memoryMiB();
    await server.stop();
    return [
      resultOf({ id: 'A9', what: `Lease renewals of ${nodes} nodes, 64 in flight, held ${(context.holdMs / 60_000).toFixed(1)} min`, unit: '1/s', better: 'higher', aim: '≥ 13,000/s', note: `processor time of the server ${cpu.toFixed(0)} µs a renewal; ${memory.toFixed(0)} MiB after it` }, [perSecond]),
      resultOf({ id: 'A9l', what: 'their p99', unit: 'ms', better: 'lower', aim: '≤ 1,000 ms' }, [latencyMs.p99]),
    ];
  },
};
