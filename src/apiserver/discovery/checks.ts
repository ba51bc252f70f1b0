/** The health checks of the API server, under upstream's names, each backed by the part that does the job here. */
import type { StorageEngine } from '#storage/contract';
import type { StorageFeed } from '../store/storage-feed.ts';
import type { HealthCheck, HealthEndpoint } from './health.ts';

/** Upstream's start-up hooks in its order. */
const HOOKS = [
  'start-apiserver-admission-initializer', 'generic-apiserver-start-informers', 'priority-and-fairness-config-consumer', 'priority-and-fairness-filter',
  'storage-object-count-tracker-hook', 'start-apiextensions-informers', 'start-apiextensions-controllers', 'crd-informer-synced', 'start-system-namespaces-controller',
  'peer-endpoint-reconciler-controller', 'start-cluster-authentication-info-controller', 'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector', 'storage-readiness', 'start-legacy-token-tracking-controller', 'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles', 'scheduling/bootstrap-system-priority-classes', 'priority-and-fairness-config-producer', 'bootstrap-controller',
  'start-kubernetes-service-cidr-controller', 'aggregator-reload-proxy-client-cert', 'start-kube-aggregator-informers', 'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller', 'apiservice-registration-controller', 'apiservice-wait-for-first-sync', 'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
];
const LATE_HOOKS = ['apiservice-openapi-controller', 'apiservice-openapiv3-controller'];

export function healthChecks(parts: { storage: StorageEngine; feed: StorageFeed; state: { readonly started: boolean; readonly stopping: boolean } }): Record<HealthEndpoint, HealthCheck[]> {
  const { storage, feed, state } = parts;
  const fine = (name: string): HealthCheck => ({ name, check: () => undefined });
  const started = (name: string): HealthCheck => ({ name, check: () => (state.started ? undefined : 'not finished') });
  const etcd: HealthCheck = { name: 'etcd', check: async () => { await storage.currentRevision(); return undefined; } };
  const synced: HealthCheck = { name: 'informer-sync', check: () => (feed.connected ? undefined : 'the watch on the store is not up') };
  const hooks = [...HOOKS.map((name) => started(`poststarthook/${name}`)), started('autoregister-completion'), ...LATE_HOOKS.map((name) => started(`poststarthook/${name}`))];
  const live = [fine('ping'), fine('log'), fine('loopback-serving-certificate'), etcd, ...hooks];
  const shutdown: HealthCheck = { name: 'shutdown', check: () => (state.stopping ? 'process is shutting down' : undefined) };
  return { livez: live, healthz: live, readyz: [fine('ping'), fine('log'), synced, ...hooks, shutdown] };
}
