/** Counts the addresses and ports that are given out, under upstream's metric names. */
import type { MetricsRegistry } from '#base/metrics';
import type { AddressRange } from './address-range.ts';

/** 10 ms doubled 12 times, in seconds, as upstream. */
const BUCKETS = Array.from({ length: 12 }, (_one, index) => 0.01 * 2 ** index);

export interface ClusterIpMetrics {
  /** An address was given out. @param scope whether it was asked for (`static`) or chosen (`dynamic`). */
  allocated(cidr: string, scope: 'static' | 'dynamic', seconds: number): void;
  failed(cidr: string, scope: 'static' | 'dynamic'): void;
}

/** @param taken how many addresses of each range are taken now. */
export function clusterIpMetrics(metrics: MetricsRegistry, ranges: () => readonly AddressRange[], taken: (range: AddressRange) => number): ClusterIpMetrics {
  const prefix = 'kube_apiserver_clusterip_allocator';
  const each = (read: (range: AddressRange) => number) => () => ranges().map((range) => [[range.cidr], read(range)] as const);
  metrics.observed({ name: `${prefix}_allocated_ips`, labels: ['cidr'], help: 'Gauge measuring the number of allocated IPs for Services' }, each(taken));
  metrics.observed({ name: `${prefix}_available_ips`, labels: ['cidr'], help: 'Gauge measuring the number of available IPs for Services' }, each((range) => range.size - taken(range)));
  const total = metrics.counter({ name: `${prefix}_allocation_total`, labels: ['cidr', 'scope'], help: 'Number of Cluster IPs allocations' });
  const errors = metrics.counter({ name: `${prefix}_allocation_errors_total`, labels: ['cidr', 'scope'], help: 'Number of errors trying to allocate Cluster IPs' });
  const duration = metrics.histogram({ name: `${prefix}_allocation_duration_seconds`, labels: ['cidr'], buckets: BUCKETS, help: 'Duration in seconds to allocate a Cluster IP by ServiceCIDR' });
  return {
    allocated(cidr, scope, seconds) {
      total.inc([cidr, scope]);
      duration.observe(seconds, [cidr]);
    },
    failed: (cidr, scope) => errors.inc([cidr, scope]),
  };
}

/** @param state how many ports there are, and how many of them are taken now. */
export function nodePortMetrics(metrics: MetricsRegistry, state: () => { readonly size: number; readonly taken: number }): void {
  const prefix = 'kube_apiserver_nodeport_allocator';
  metrics.observedGauge({ name: `${prefix}_allocated_ports`, help: 'Gauge measuring the number of allocated NodePorts for Services' }, () => state().taken);
  metrics.observedGauge({ name: `${prefix}_available_ports`, help: 'Gauge measuring the number of available NodePorts for Services' }, () => { const { size, taken } = state(); return size - taken; });
}
