/**
 * The proxy's health answers: `/healthz` and `/livez` for the node, and one small server per service with external traffic policy
 * Local, by which load balancers learn whether this node has an endpoint.
 *
 * Plain HTTP as upstream, because load balancers ask without credentials; it tells counts, nothing else.
 */
import { createServer, type Server } from 'node:http';
import type { Clock } from '#base/clock';
import { rfc3339 } from '#base/clock';
import type { Logger } from '#base/log';
import type { ServiceRules } from './backends/nftables/desired-table.ts';
import type { Proxier } from './proxier.ts';

/** Health turns bad when a sync is due and has not come for this long. */
const STALE_MS = 120_000;

export interface HealthServer {
  start(): Promise<void>;
  update(rules: readonly ServiceRules[], nodeName: string): void;
  stop(): Promise<void>;
}

export function createHealthServer(options: { proxier: Proxier; clock: Clock; log: Logger; host: string; port: number }): HealthServer {
  const { proxier, clock, log } = options;
  const node = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const syncedMs = proxier.lastSyncedMs();
    const healthy = syncedMs !== undefined;
    if (path !== '/healthz' && path !== '/livez') { response.writeHead(404).end(); return; }
    response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
    response.end(JSON.stringify({ lastUpdated: rfc3339(syncedMs ?? clock.now() - STALE_MS), currentTime: rfc3339(clock.now()), nodeEligible: true }));
  });
  const perService = new Map<number, { server: Server; namespace: string; name: string; local: number }>();

  const open = (port: number, namespace: string, name: string): void => {
    const entry = {
      namespace, name, local: 0,
      server: createServer((_request, response) => {
        response.writeHead(entry.local > 0 ? 200 : 503, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
        response.end(JSON.stringify({ service: { namespace, name }, localEndpoints: entry.local, serviceProxyHealthy: true }));
      }),
    };
    entry.server.on('error', (error) => log.warn('health check port of a service cannot be served', { namespace, name, port, error }));
    entry.server.listen(port);
    perService.set(port, entry);
  };

  return {
    start: () => new Promise((resolve, reject) => {
      node.once('error', reject);
      node.listen(options.port, options.host, () => { node.off('error', reject); resolve(); });
    }),
    update(rules, nodeName) {
      const wanted = new Map<number, { namespace: string; name: string; local: number }>();
      for (const { port, external } of rules) {
        if (port.healthCheckNodePort === 0) continue;
        const local = external.filter((endpoint) => endpoint.nodeName === nodeName).length;
        const known = wanted.get(port.healthCheckNodePort);
        wanted.set(port.healthCheckNodePort, { namespace: port.namespace, name: port.service, local: Math.max(local, known?.local ?? 0) });
      }
      for (const [port, entry] of perService) {
        if (wanted.has(port)) continue;
        entry.server.close();
        perService.delete(port);
      }
      for (const [port, { namespace, name, local }] of wanted) {
        if (!perService.has(port)) open(port, namespace, name);
        perService.get(port)!.local = local;
      }
    },
    async stop() {
      for (const server of [node, ...[...perService.values()].map((entry) => entry.server)]) {
        server.closeAllConnections();
        await new Promise<void>((resolve) => { server.close(() => resolve()); });
      }
      perService.clear();
    },
  };
}
