/**
 * What a write of a service takes and gives back: cluster IPs, node ports, the health check port.
 *
 *     begin (take what is new) → validate, store → keep (release what is no longer used) | give back (release what was taken)
 *
 * A crash between taking and storing leaks; the repair loop gives back what no service holds.
 */
import type { Service } from '#api/generated/core/v1';
import { invalid } from '#machinery/field-error';
import type { FieldError } from '#machinery/field-error';
import { newInternalError, newInvalid, newStatusError } from '#machinery/status-error';
import type { Reservation, WriteHooks } from '../handlers/environment.ts';
import {
  fillIpFamilies, isHeadless, keepAllocated, needsClusterIp, needsHealthCheckPort, needsNodePorts, normalizeClusterIps,
} from '../resources/core/services/families.ts';
import { AllocationError, type AddressOwner, type ClusterIpAllocator } from './cluster-ips.ts';
import type { NodePortAllocator } from './node-ports.ts';

export interface ServiceAllocators { readonly clusterIps: ClusterIpAllocator; readonly nodePorts: NodePortAllocator }

interface Taken { readonly ips: string[]; readonly ports: number[] }

export function serviceHooks(allocators: ServiceAllocators): WriteHooks {
  return {
    beginCreate: (object, dryRun) => begin(allocators, object as Service, undefined, dryRun),
    beginUpdate: (object, old, dryRun) => begin(allocators, object as Service, old as Service, dryRun),
    async afterDelete(object, dryRun) {
      if (!dryRun) await release(allocators, heldBy(object as Service));
    },
  };
}

/** What a service holds. */
export function heldBy(service: Service): Taken {
  const ips = needsClusterIp(service) ? (service.spec?.clusterIPs ?? []).filter((ip) => ip !== 'None' && ip !== '') : [];
  return { ips, ports: [...nodePortsOf(service)] };
}

function nodePortsOf(service: Service): Set<number> {
  const ports = new Set(needsNodePorts(service) ? (service.spec?.ports ?? []).map((port) => port.nodePort ?? 0).filter((port) => port !== 0) : []);
  if (needsHealthCheckPort(service) && service.spec?.healthCheckNodePort) ports.add(service.spec.healthCheckNodePort);
  return ports;
}

async function begin(allocators: ServiceAllocators, service: Service, old: Service | undefined, dryRun: boolean): Promise<Reservation> {
  const taken: Taken = { ips: [], ports: [] };
  const giveBack = async (): Promise<void> => { if (!dryRun) await release(allocators, taken); };
  try {
    normalizeClusterIps(service, old);
    if (old !== undefined) keepAllocated(service, old);
    refuse(service, fillIpFamilies(service, old, allocators.clusterIps.families()));
    const owner = { namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' };
    const takeIps = (): Promise<void> => takeClusterIps(allocators, service, old, owner, dryRun, taken);
    const takePorts = (): Promise<void> => takeNodePorts(allocators, service, old, owner, dryRun, taken);
    if (!dryRun && await portRefused(allocators, service, old)) {
      // Addresses are only looked at, so that nothing is written to be taken back.
      await takeClusterIps(allocators, structuredClone(service), old, owner, true, { ips: [], ports: [] });
      await takePorts();
      await takeIps();
    } else {
      await takeIps();
      await takePorts();
    }
    await takeHealthCheckPort(allocators, service, old, owner, dryRun, taken);
  } catch (error) {
    await giveBack();
    throw error;
  }
  return {
    giveBack,
    async keep() {
      if (dryRun || old === undefined) return;
      const now = heldBy(service);
      const before = heldBy(old);
      await release(allocators, { ips: before.ips.filter((ip) => !now.ips.includes(ip)), ports: before.ports.filter((port) => !now.ports.includes(port)) });
    },
  };
}

function refuse(service: Service, faults: readonly FieldError[]): void {
  if (faults.length > 0) throw newInvalid('', 'Service', service.metadata.name ?? '', faults);
}

async function takeClusterIps({ clusterIps }: ServiceAllocators, service: Service, old: Service | undefined, owner: AddressOwner, dryRun: boolean, taken: Taken): Promise<void> {
  const spec = service.spec!;
  if (!needsClusterIp(service) || spec.clusterIP === 'None' || isHeadless(service)) {
    if (spec.clusterIP === 'None') spec.clusterIPs = ['None'];
    return;
  }
  const held = new Set(old === undefined ? [] : heldBy(old).ips);
  const wanted = [...spec.clusterIPs ?? []];
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    const asked = wanted[i];
    if (asked !== undefined && held.has(asked)) continue;
    try {
      if (asked === undefined || asked === '') wanted[i] = await clusterIps.takeAny(family as 'IPv4' | 'IPv6', owner, dryRun);
      else await clusterIps.take(asked, owner, dryRun);
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      if (asked === undefined || asked === '') throw newInternalError(new Error(`failed to allocate a serviceIP: ${error.message}`));
      refuse(service, [invalid('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${asked}: ${error.message}`)]);
    }
    taken.ips.push(wanted[i]!);
  }
  spec.clusterIPs = wanted;
  if (wanted[0] !== undefined) spec.clusterIP = wanted[0];
}

const DRY_RUN_PORT = 32_769;

interface PortTaking { readonly nodePorts: NodePortAllocator; readonly owner: AddressOwner; readonly dryRun: boolean; readonly taken: Taken }

async function takeNodePorts({ nodePorts }: ServiceAllocators, service: Service, old: Service | undefined, owner: AddressOwner, dryRun: boolean, taken: Taken): Promise<void> {
  if (!needsNodePorts(service)) return;
  const taking: PortTaking = { nodePorts, owner, dryRun, taken };
  if (old === undefined) await takeForNew(taking, service);
  else await takeForChanged(taking, service, nodePortsOf(old));
}

/** One of the node ports that are asked for cannot be had. */
async function portRefused({ nodePorts }: ServiceAllocators, service: Service, old: Service | undefined): Promise<boolean> {
  if (!needsNodePorts(service)) return false;
  const held = old === undefined ? new Set<number>() : nodePortsOf(old);
  for (const { nodePort } of service.spec?.ports ?? []) if (nodePort && !held.has(nodePort) && await nodePorts.refuses(nodePort)) return true;
  return false;
}

function allocatesNodePorts({ spec }: Service): boolean {
  return spec?.type === 'NodePort' || spec?.allocateLoadBalancerNodePorts !== false;
}

/** One number serves all ports of a service with the same port number: TCP and UDP of a DNS server, say. */
async function takeForNew(taking: PortTaking, service: Service): Promise<void> {
  const ports = service.spec?.ports ?? [];
  const byPort = new Map<number, number>();
  const faults: FieldError[] = [];
  for (const [i, port] of ports.entries()) {
    if ((port.nodePort ?? 0) === 0 && !allocatesNodePorts(service)) continue;
    const known = byPort.get(port.port);
    const asked = known === undefined ? ports.find((other) => other.port === port.port && (other.nodePort ?? 0) !== 0)?.nodePort : port.nodePort;
    if (known !== undefined && (asked ?? 0) === 0) { port.nodePort = known; continue; }
    if (known !== undefined && asked === known) continue;
    const fault = await takePort(taking, i, asked ?? 0, new Set(byPort.values()));
    if (typeof fault === 'number') {
      port.nodePort = fault;
      if (known === undefined) byPort.set(port.port, fault);
    } else {
      faults.push(fault);
    }
  }
  refuse(service, faults);
}

async function takeForChanged(taking: PortTaking, service: Service, held: ReadonlySet<number>): Promise<void> {
  const used = new Map<number, Set<string>>();
  const faults: FieldError[] = [];
  for (const [i, port] of (service.spec?.ports ?? []).entries()) {
    const asked = port.nodePort ?? 0;
    if (asked === 0 && !allocatesNodePorts(service)) continue;
    if (asked === 0 || (!held.has(asked) && !used.has(asked))) {
      const outcome = await takePort(taking, i, asked, new Set(used.keys()));
      if (typeof outcome !== 'number') { faults.push(outcome); continue; }
      port.nodePort = outcome;
    }
    const protocol = port.protocol ?? 'TCP';
    const protocols = used.get(port.nodePort!) ?? new Set();
    if (protocols.has(protocol)) throw newStatusError(500, '', `duplicate nodePort: {${protocol} ${port.nodePort}}`);
    used.set(port.nodePort!, protocols.add(protocol));
  }
  refuse(service, faults);
}

/** A dry run shows a port that no service can have, as upstream's. */
async function anyPort({ nodePorts, owner, dryRun, taken }: PortTaking, except: ReadonlySet<number>): Promise<number> {
  if (!dryRun) return nodePorts.takeAny(owner, except);
  return taken.ports.length === 0 ? DRY_RUN_PORT : Math.max(...taken.ports) + 1;
}

/** @param asked 0: any. @returns the port, or why not. */
async function takePort(taking: PortTaking, index: number, asked: number, except: ReadonlySet<number>): Promise<number | FieldError> {
  const { nodePorts, owner, dryRun, taken } = taking;
  try {
    const port = asked === 0 ? await anyPort(taking, except) : asked;
    if (asked !== 0) {
      if (except.has(asked)) throw new AllocationError('provided port is already allocated');
      await nodePorts.take(asked, owner, dryRun);
    }
    taken.ports.push(port);
    return port;
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    if (asked === 0) throw newInternalError(new Error(`failed to allocate a nodePort: ${error.message}`));
    return invalid(`spec.ports[${index}].nodePort`, asked, error.message);
  }
}

async function takeHealthCheckPort({ nodePorts }: ServiceAllocators, service: Service, old: Service | undefined, owner: AddressOwner, dryRun: boolean, taken: Taken): Promise<void> {
  if (!needsHealthCheckPort(service)) return;
  const spec = service.spec!;
  const asked = spec.healthCheckNodePort ?? 0;
  if (asked !== 0 && old !== undefined && needsHealthCheckPort(old) && old.spec?.healthCheckNodePort === asked) return;
  try {
    if (asked === 0) spec.healthCheckNodePort = await anyPort({ nodePorts, owner, dryRun, taken }, new Set((spec.ports ?? []).map((port) => port.nodePort ?? 0)));
    else await nodePorts.take(asked, owner, dryRun);
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw newInternalError(new Error(asked === 0 ? `failed to allocate a HealthCheck NodePort: ${error.message}` : `failed to allocate requested HealthCheck NodePort ${asked}: ${error.message}`));
  }
  taken.ports.push(spec.healthCheckNodePort!);
}

async function release({ clusterIps, nodePorts }: ServiceAllocators, { ips, ports }: Taken): Promise<void> {
  for (const ip of ips) await clusterIps.release(ip);
  for (const port of ports) await nodePorts.release(port);
}
