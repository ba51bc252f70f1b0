/**
 * Brings allocations and services together again after a crash between the two: what a service holds is taken, what no service holds
 * for a while is free.
 */
import { services } from '#api/generated/core/v1';
import { ipaddresses } from '#api/generated/networking/v1';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import type { Client } from '#client/client';
import { AllocationError } from './cluster-ips.ts';
import { heldBy, type ServiceAllocators } from './service-hooks.ts';

const REPAIR_INTERVAL_MS = 3 * 60_000;
/** A service being created holds its address before it can be seen. */
const LEAK_AGE_MS = 60_000;

export interface RepairOptions { readonly client: Client; readonly allocators: ServiceAllocators; readonly clock: Clock; readonly log: Logger; readonly metrics: MetricsRegistry }

export async function repairRegularly(options: RepairOptions, signal: AbortSignal): Promise<void> {
  /** Ports that no service held at the last look. */
  let suspects = new Set<number>();
  // One look at both: what fails it fails both.
  const failures = ['apiserver_nodeport_repair_reconcile_errors_total', 'apiserver_clusterip_repair_reconcile_errors_total'].map((name) => options.metrics.counter({ name, help: 'Number of reconciliation failures on the repair reconcile loop' }));
  while (!signal.aborted) {
    try {
      suspects = await repairOnce(options, suspects, signal);
    } catch (error) {
      if (!signal.aborted) for (const counter of failures) counter.inc();
      if (!signal.aborted) options.log.warn('service addresses were not compared with services', { error });
    }
    await options.clock.sleep(REPAIR_INTERVAL_MS, signal).catch(() => undefined);
  }
}

async function repairOnce({ client, allocators, clock, log }: RepairOptions, suspects: ReadonlySet<number>, signal: AbortSignal): Promise<Set<number>> {
  const { items } = await client.for(services).list({ signal });
  const heldIps = new Set<string>();
  const heldPorts = new Set<number>();
  const taken = await allocators.nodePorts.list();
  for (const service of items) {
    const owner = { namespace: service.metadata.namespace!, name: service.metadata.name! };
    const { ips, ports } = heldBy(service);
    for (const ip of ips) {
      heldIps.add(ip);
      if (await allocators.clusterIps.ensure(ip, owner)) log.warn('a cluster IP had no IPAddress object', { ip, ...owner });
    }
    for (const port of ports) {
      heldPorts.add(port);
      if (!taken.has(port)) await allocators.nodePorts.take(port, owner, false).catch((error: unknown) => { if (!(error instanceof AllocationError)) throw error; });
    }
  }
  const addresses = await client.for(ipaddresses).list({ signal });
  for (const address of addresses.items) {
    const { name, creationTimestamp } = address.metadata;
    if (address.spec?.parentRef?.resource !== 'services' || heldIps.has(name!) || clock.now() - Date.parse(creationTimestamp ?? '') < LEAK_AGE_MS) continue;
    log.warn('an IPAddress object belongs to no service any more', { ip: name });
    await allocators.clusterIps.release(name!);
  }
  const unheld = new Set([...taken.keys()].filter((port) => !heldPorts.has(port)));
  for (const port of unheld) if (suspects.has(port)) await allocators.nodePorts.release(port);
  return unheld;
}
