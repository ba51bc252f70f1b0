/**
 * kube-proxy: keeps the kernel's rules equal to the cluster's services.
 *
 * Level-triggered: any event asks for a sync, a sync looks at everything the informers know. Syncs never overlap, and follow each
 * other at no less than `MIN_SYNC_INTERVAL_MS`; a failed one is tried again, and a full rewrite follows it.
 */
import type { Service } from '#api/generated/core/v1';
import { nodes, services as servicesResource } from '#api/generated/core/v1';
import { endpointslices } from '#api/generated/discovery/v1';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import type { Timer } from '#base/clock';
import type { Informer, InformerFactory } from '#client/informer-contract';
import type { Component, ComponentContext } from '#component/component';
import type { ProxyBackend } from './backends/backend.ts';
import type { ServiceRules } from './backends/nftables/desired-table.ts';
import { sliceService } from './endpoint.ts';
import { proxyRules, staleUdpFlows, type StaleFlow } from './snapshot.ts';

const MIN_SYNC_INTERVAL_MS = 100;
const RETRY_MS = 2_000;
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const BY_SERVICE = 'service';

export interface ProxierOptions {
  readonly nodeName: string;
  readonly informers: InformerFactory;
  readonly backend: ProxyBackend;
  /** Makes the kernel forget UDP flows. */
  readonly forgetFlows?: (flows: readonly StaleFlow[]) => Promise<void>;
}

export interface Proxier extends Component {
  /** Epoch milliseconds of the last successful sync; undefined before the first. */
  lastSyncedMs(): number | undefined;
  /** The rules of the last successful sync. */
  current(): readonly ServiceRules[];
  /** Called after each successful sync. */
  onSynced(listener: (rules: readonly ServiceRules[]) => void): void;
}

export function createProxier(options: ProxierOptions, context: ComponentContext): Proxier {
  const { clock, log } = context;
  const services: Informer<Service> = options.informers.for(servicesResource);
  const slices: Informer<EndpointSlice> = options.informers.for(endpointslices);
  const ownNode = options.informers.for(nodes, { fieldSelector: `metadata.name=${options.nodeName}` });
  const duration = context.metrics.histogram({ name: 'kubeproxy_sync_proxy_rules_duration_seconds', help: 'SyncProxyRules latency in seconds' });
  slices.addIndex(BY_SERVICE, (slice) => [sliceService(slice)]);

  const stopping = new AbortController();
  const listeners: ((rules: readonly ServiceRules[]) => void)[] = [];
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let dirty = false;
  let applied: readonly ServiceRules[] = [];
  let syncedMs: number | undefined;
  let synced: () => void = () => {};
  const firstSync = new Promise<void>((resolve) => { synced = resolve; });

  const request = (delayMs: number): void => {
    dirty = true;
    if (timer !== undefined || running !== undefined || stopping.signal.aborted) return;
    timer = clock.setTimer(delayMs, () => {
      timer = undefined;
      running = sync().finally(() => {
        running = undefined;
        if (dirty) request(MIN_SYNC_INTERVAL_MS);
      });
    });
  };

  const sync = async (): Promise<void> => {
    dirty = false;
    const startedMs = clock.monotonicNow();
    const zone = ownNode.get(options.nodeName)?.metadata.labels?.[ZONE_LABEL] ?? '';
    const wanted = proxyRules(services.list(), (service) => slices.byIndex(BY_SERVICE, service), { name: options.nodeName, zone });
    try {
      await options.backend.sync(wanted, stopping.signal);
      const stale = staleUdpFlows(applied, wanted);
      applied = wanted;
      syncedMs = clock.now();
      if (stale.length > 0) await options.forgetFlows?.(stale);
      duration.observe((clock.monotonicNow() - startedMs) / 1000);
      for (const listener of listeners) listener(wanted);
      synced();
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error('rules were not applied; trying again', { error, retryMs: RETRY_MS });
      await clock.sleep(RETRY_MS, stopping.signal).catch(() => {});
      dirty = true;
    }
  };

  return {
    name: 'kube-proxy',
    async start(signal) {
      const handlers = { onAdd: () => request(MIN_SYNC_INTERVAL_MS), onUpdate: () => request(MIN_SYNC_INTERVAL_MS), onDelete: () => request(MIN_SYNC_INTERVAL_MS) };
      options.informers.start();
      await Promise.all([services.whenSynced(signal), slices.whenSynced(signal), ownNode.whenSynced(signal)]);
      services.addHandlers(handlers);
      slices.addHandlers(handlers);
      let zone = ownNode.get(options.nodeName)?.metadata.labels?.[ZONE_LABEL];
      ownNode.addHandlers({ onUpdate(_old, node) {
        if (node.metadata.labels?.[ZONE_LABEL] === zone) return;
        zone = node.metadata.labels?.[ZONE_LABEL];
        request(0);
      } });
      request(0);
    },
    ready: () => firstSync,
    async stop() {
      stopping.abort(new Error('kube-proxy stops'));
      timer?.cancel();
      timer = undefined;
      await running;
    },
    lastSyncedMs: () => syncedMs,
    current: () => applied,
    onSynced: (listener) => { listeners.push(listener); },
  };
}
