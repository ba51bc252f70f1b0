/**
 * Cluster IPs: an address is taken by creating its IPAddress object, so that two API servers never give out the same one
 * (KEP-1880). The ranges are those of the ready ServiceCIDR objects; the first one is the cluster's own.
 */
import { ipaddresses, servicecidrs, type IPAddress, type ServiceCIDR } from '#api/generated/networking/v1';
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import type { Client } from '#client/client';
import type { Informer } from '#client/informer-contract';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { isConditionTrue } from '#semantics/condition';
import { AddressRange } from './address-range.ts';
import { clusterIpMetrics } from './allocator-metrics.ts';

export type IpFamily = 'IPv4' | 'IPv6';

/** Whose address it is. */
export interface AddressOwner { readonly namespace: string; readonly name: string }

/** The address cannot be had; the message is upstream's. */
export class AllocationError extends Error {}

const FAMILY_LABEL = 'ipaddress.kubernetes.io/ip-family';
const MANAGED_BY_LABEL = 'ipaddress.kubernetes.io/managed-by';
const MANAGER = 'ipallocator.k8s.io';
/** Addresses tried before a range counts as full. */
const TRIES_MAX = 4_096;

export interface ClusterIpAllocator {
  /** Families that can be given out, the primary one first. */
  families(): readonly IpFamily[];
  /** @throws AllocationError when it is out of range or taken. */
  take(ip: string, owner: AddressOwner, dryRun: boolean): Promise<void>;
  /** @throws AllocationError when the ranges are full. */
  takeAny(family: IpFamily, owner: AddressOwner, dryRun: boolean): Promise<string>;
  release(ip: string): Promise<void>;
  /** As `take`, for an address that the owner has already; true when its object was missing. */
  ensure(ip: string, owner: AddressOwner): Promise<boolean>;
}

export interface ClusterIpOptions {
  readonly client: Client;
  readonly random: Random;
  /** The cluster's own ranges, one a family. */
  readonly cidrs: readonly string[];
  readonly serviceCidrs: Informer<ServiceCIDR>;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  /** Addresses that are taken, as far as is known here. */
  takenAddresses(): readonly string[];
}

export function clusterIpAllocator({ client, random, cidrs, serviceCidrs, clock, metrics, takenAddresses }: ClusterIpOptions): ClusterIpAllocator {
  const objects = client.for(ipaddresses);
  const own = cidrs.map((cidr) => new AddressRange(cidr));
  const ranges = (): AddressRange[] => {
    const others = serviceCidrs.list().filter((entry) => entry.metadata.deletionTimestamp == null && isConditionTrue(entry.status?.conditions, 'Ready'))
      .flatMap((entry) => entry.spec?.cidrs ?? []).filter((cidr) => !cidrs.includes(cidr));
    return [...own, ...others.map((cidr) => new AddressRange(cidr))];
  };

  const counted = clusterIpMetrics(metrics, ranges, (range) => takenAddresses().filter((ip) => range.contains(ip)).length);

  async function create(ip: string, owner: AddressOwner): Promise<boolean> {
    const address: IPAddress = {
      metadata: { name: ip, labels: { [FAMILY_LABEL]: ip.includes(':') ? 'IPv6' : 'IPv4', [MANAGED_BY_LABEL]: MANAGER } },
      spec: { parentRef: { group: '', resource: 'services', namespace: owner.namespace, name: owner.name } },
    };
    try {
      await objects.create(address);
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  }

  async function isTaken(ip: string): Promise<boolean> {
    try {
      await objects.get(ip);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  return {
    families: () => [...new Set(own.map((range): IpFamily => (range.isIPv6 ? 'IPv6' : 'IPv4')))],
    async take(ip, owner, dryRun) {
      if (!ranges().some((range) => range.contains(ip))) {
        const own = cidrs.find((cidr) => cidr.includes(':') === ip.includes(':')) ?? cidrs[0]!;
        throw new AllocationError(dryRun ? `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${own}` : 'the provided network does not match the current range');
      }
      // A dry run takes nothing and looks for nothing, as upstream.
      if (dryRun) return;
      const { cidr } = ranges().find((range) => range.contains(ip))!;
      const startMs = clock.monotonicNow();
      if (!await create(ip, owner)) {
        counted.failed(cidr, 'static');
        throw new AllocationError('provided IP is already allocated');
      }
      counted.allocated(cidr, 'static', (clock.monotonicNow() - startMs) / 1000);
    },
    async takeAny(family, owner, dryRun) {
      for (const range of ranges().filter((candidate) => candidate.isIPv6 === (family === 'IPv6'))) {
        const startMs = clock.monotonicNow();
        for (const ip of range.candidates(random, TRIES_MAX)) {
          if (!(dryRun ? !(await isTaken(ip)) : await create(ip, owner))) continue;
          if (!dryRun) counted.allocated(range.cidr, 'dynamic', (clock.monotonicNow() - startMs) / 1000);
          return ip;
        }
        if (!dryRun) counted.failed(range.cidr, 'dynamic');
      }
      throw new AllocationError('range is full');
    },
    async release(ip) {
      try {
        await objects.delete(ip);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    ensure: (ip, owner) => create(ip, owner),
  };
}

/** The cluster's own ServiceCIDR object, as upstream's bootstrap makes it. */
export async function ensureServiceCidr(client: Client, cidrs: readonly string[], now: string, signal: AbortSignal): Promise<void> {
  const api = client.for(servicecidrs);
  try {
    await api.get('kubernetes', { signal });
    return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    const made = await api.create({ metadata: { name: 'kubernetes' }, spec: { cidrs: [...cidrs] } }, { signal });
    await api.updateStatus({ ...made, status: { conditions: [{ type: 'Ready', status: 'True', reason: '', message: 'Kubernetes default Service CIDR is ready', lastTransitionTime: now }] } }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
