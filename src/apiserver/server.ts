/**
 * The API server put together: storage → stores → handlers → filters → listener and in-process transport.
 *
 *     createApiServer → start() (caches loaded, access and bootstrap objects in place) → listen() → … → stop()
 *
 * Its own parts (informers of access, bootstrap) go through the same handler chain as everybody else, as `system:apiserver`.
 */
import { customresourcedefinitions } from '#api/generated/apiextensions/v1';
import { flowschemas, prioritylevelconfigurations } from '#api/generated/flowcontrol/v1';
import { ipaddresses, servicecidrs } from '#api/generated/networking/v1';
import { namespaces, pods, resourcequotas, type Namespace, type Pod, type ResourceQuota } from '#api/generated/core/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Histogram, MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import { createInformerFactory } from '#client/informer/factory';
import { createClient } from '#client/rest-client';
import type { Transport } from '#client/transport';
import { featureGates } from '#component/feature-gates';
import { KNOWN_FEATURES } from '#component/known-features';
import type { ResourceType } from '#machinery/meta';
import { newBadRequest } from '#machinery/status-error';
import type { ClusterPki } from '#pki/cluster-pki';
import type { StorageEngine } from '#storage/contract';
import { createAccess, type Access } from './access.ts';
import { extensionPlugins } from './admission/extension-plugins.ts';
import type { ExtensionPlugins } from './admission/registry.ts';
import type { AdmissionSwitches } from './admission/switches.ts';
import { boundPods } from './authz/bound-pods.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { ensureApiServices } from './bootstrap/api-services.ts';
import { keepDanglingConditions } from './bootstrap/dangling-schemas.ts';
import { observeBuild } from './bootstrap/build-metrics.ts';
import { ensureFlowControl, keepFlowControl } from './bootstrap/flow-control.ts';
import { ensurePriorityClasses, ensureSystemNamespaces } from './bootstrap/system-objects.ts';
import type { RequestContext } from './context.ts';
import { schemaValueChecksWith } from './crd/default-faults.ts';
import { definitionHooks } from './crd/definition-hooks.ts';
import type { Timed } from './crd/custom-definition.ts';
import { Definitions } from './crd/definitions.ts';
import { deviceExpressionChecker, policyExpressionChecker } from './admission/expression-checker.ts';
import { EXPRESSION_RULES } from './crd/expression-rules.ts';
import { timedRules } from './crd/timed-rules.ts';
import { useExpressionChecker } from './resources/rules/expressions.ts';
import type { RuleCompiler } from './crd/rules.ts';
import { healthChecks } from './discovery/checks.ts';
import { issuerRoutes } from './discovery/issuer-routes.ts';
import { pageNotFound, routes, type MountedRoute } from './discovery/routes.ts';
import { openApiRoutes } from './openapi/routes.ts';
import type { BuildInfo } from './discovery/version.ts';
import { filterChain } from './filters/chain.ts';
import { flowClassifier } from './filters/flow-classifier.ts';
import { inFlightLimit } from './filters/in-flight.ts';
import { componentStatusHandler } from './handlers/component-statuses.ts';
import { ConnectRegistry, type ConnectHandler } from './handlers/connect-registry.ts';
import { dispatch } from './handlers/dispatch.ts';
import type { HandlerEnvironment, WriteHooks } from './handlers/environment.ts';
import { namespaceHooks } from './handlers/namespace-deletion.ts';
import { statusErrorResponse } from './handlers/respond.ts';
import { inProcessTransport } from './in-process-transport.ts';
import { meteredTransport } from './metered-transport.ts';
import { AddressRange } from './allocation/address-range.ts';
import { clusterIpAllocator, ensureServiceCidr } from './allocation/cluster-ips.ts';
import { nodePortAllocator } from './allocation/node-ports.ts';
import { repairRegularly } from './allocation/repair.ts';
import { serviceHooks, type ServiceAllocators } from './allocation/service-hooks.ts';
import { ensureKubernetesEndpoints, ensureKubernetesService, isForPods } from './bootstrap/kubernetes-service.ts';
import { serverLeases } from './bootstrap/server-leases.ts';
import { createListener, type Listener, type ListenerLimits } from './listener.ts';
import type { ApiHandler, ApiResponse, UserInfo } from './request.ts';
import { ResourceTable } from './resource-table.ts';
import { resourceStoreObjects, sharedStoreObjects } from './resources/decisions/resource-store-objects.ts';
import { useSchemaValueChecks } from './resources/apiextensions/customresourcedefinitions/schema-values.ts';
import { registeredResources, servedResources, type RuntimeConfig } from './resources/registry.ts';
import { builtInStores } from './store/built-in-stores.ts';
import { observeCaches } from './store/cache-metrics.ts';
import { meteredEngine, resourcesByKey } from './store/metered-engine.ts';
import { deprecationMetrics, watchListMetrics, watchMetrics } from './handlers/watch-metrics.ts';
import { serviceResolver } from './service-resolver.ts';
import { leasePool } from './store/lease-pool.ts';
import { selectAll } from './store/described.ts';
import { observeSize } from './store/size-metrics.ts';
import { StorageFeed } from './store/storage-feed.ts';
import { webhookClient } from './webhook/webhook-client.ts';

const DEFAULT_SERVICE_CIDRS = ['10.96.0.0/12'];
const DEFAULT_ADVERTISE = '127.0.0.1:6443';
const LOOPBACK: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };
/** Old revisions are forgotten this often, keeping the last interval. */
const COMPACTION_INTERVAL_MS = 5 * 60_000;

export interface ApiServerOptions {
  readonly storage: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly pki: ClusterPki;
  readonly runtimeConfig?: RuntimeConfig;
  /** Gates set on or off; all others as upstream's defaults. */
  readonly featureEnabled?: (gate: string) => boolean;
  /** `host:port` that `/api` names. */
  readonly advertise?: string;
  /** Networks of cluster IPs, one a family. Default: 10.96.0.0/12. */
  readonly serviceCidrs?: readonly string[];
  /** Credentials are optional. Default true, as upstream. */
  readonly anonymous?: boolean;
  readonly connectHandlers?: readonly ConnectHandler[];
  readonly mounted?: readonly MountedRoute[];
  readonly extensions?: ExtensionPlugins;
  /** Built-in plugins on or off other than by default. */
  readonly admissionSwitches?: AdmissionSwitches;
  readonly audit?: AuditLog;
  /** Judges `x-kubernetes-validations`; absent: as expressions. */
  readonly rules?: RuleCompiler;
  readonly build?: BuildInfo;
  /** What `/flagz` shows: how the server was started. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ApiServer {
  readonly handler: ApiHandler;
  readonly access: Access;
  /** Everything that is served; custom resources come and go. */
  readonly table: ResourceTable;
  readonly feed: StorageFeed;
  /** In-process, with that identity. */
  transport(user: UserInfo): Transport;
  /** Loads caches, follows what access needs, makes the bootstrap objects. */
  start(signal: AbortSignal): Promise<void>;
  listen(address: { host: string; port: number; limits?: Partial<ListenerLimits> }): Promise<{ host: string; port: number }>;
  /** `/readyz` answers ok. */
  readonly ready: boolean;
  stop(): Promise<void>;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, random, log, metrics, pki } = options;
  const registered = registeredResources(options.runtimeConfig);
  const storage = meteredEngine(options.storage, resourcesByKey(registered.map(({ info }) => info)), metrics, clock);
  const stopping = new AbortController();
  const feed = new StorageFeed({ engine: storage, clock, log });
  const table = new ResourceTable();
  const stores = builtInStores({ engine: storage, feed, now: () => clock.now(), resources: registered });
  for (const info of servedResources(options.runtimeConfig)) table.add({ info, served: stores.served.find((one) => one.info === info) });

  let chain: ApiHandler = () => Promise.reject(new Error('the API server is not started'));
  const handler: ApiHandler = (request) => chain(request);
  const loopback = meteredTransport(inProcessTransport(handler, LOOPBACK), 'in-process', metrics, clock);
  const client = createClient({ transport: loopback, clock, userAgent: 'kube-apiserver/v1.36 kubernode' });
  const informers = createInformerFactory({ client, clock, random, log });
  const storeOf = (type: ResourceType): ReturnType<typeof stores.storeOf> => stores.storeOf(type.group, type.resource);
  const webhooks = webhookClient({ clock, resolver: serviceResolver(client, random) });
  const access = createAccess({
    client, informers, clock, random, log, pki, metrics, ...(options.admissionSwitches === undefined ? {} : { admissionSwitches: options.admissionSwitches }), extensions: (authorizer) => ({ ...extensionPlugins({ client, informers, table, webhooks, authorizer, metrics, clock, random }), ...options.extensions }),
    pods: resourceStoreObjects<Pod>(storeOf(pods)),
    boundPods: boundPods(storeOf(pods).cache),
    quotas: resourceStoreObjects<ResourceQuota>(storeOf(resourcequotas)),
    storedNamespaces: sharedStoreObjects<Namespace>(storeOf(namespaces)),
  });
  for (const decision of access.decisions) table.addDecision(decision);

  const serviceCidrs = options.serviceCidrs ?? DEFAULT_SERVICE_CIDRS;
  const addresses = storeOf(ipaddresses);
  const takenAddresses = (): string[] => addresses.cache.select(selectAll()).map(({ key }) => key);
  const allocators: ServiceAllocators = {
    clusterIps: clusterIpAllocator({ client, random, cidrs: serviceCidrs, serviceCidrs: informers.for(servicecidrs), clock, metrics, takenAddresses }), nodePorts: nodePortAllocator(storage, random, metrics),
  };
  const hooks = new Map<string, WriteHooks>([['/namespaces', namespaceHooks], ['/services', serviceHooks(allocators)], ['apiextensions.k8s.io/customresourcedefinitions', definitionHooks]]);
  const env: HandlerEnvironment = {
    clock, random, log, admission: access.admission, authorizer: access.authorizer, featureEnabled: options.featureEnabled ?? featureGates(KNOWN_FEATURES).enabled,
    hooksOf: (served) => hooks.get(`${served.info.group}/${served.info.resource}`), leaseFor: leasePool(storage, clock, metrics),
    watched: watchMetrics(metrics), listed: watchListMetrics(metrics), deprecatedAsked: deprecationMetrics(metrics),
  };
  const rules = timedRules(options.rules ?? EXPRESSION_RULES, metrics, clock);
  useExpressionChecker(policyExpressionChecker, deviceExpressionChecker);
  useSchemaValueChecks(schemaValueChecksWith(rules));
  const definitions = new Definitions({
    client, definitions: informers.for(customresourcedefinitions), table, engine: storage, feed, clock, log, metrics, now: () => clock.now(), rules,
    ratcheting: timedIn(metrics.histogram({ name: 'apiextensions_apiserver_validation_ratcheting_seconds', buckets: RATCHETING_BUCKETS, help: 'Time for comparison of old to new for the purposes of CRDValidationRatcheting during an UPDATE in seconds.' }), clock),
    converters: { webhooks, metrics, clock, random }, stopping: stopping.signal,
  });
  observeCaches(metrics, () => stores.named, feed);
  observeBuild(metrics, options.build ?? {}, env.featureEnabled);
  const connects = new ConnectRegistry([componentStatusHandler(storage), ...options.connectHandlers ?? []]);
  const state = { started: false, stopping: false };
  const checks = healthChecks({ storage, feed, state });
  const other = routes({
    table, checks, metrics, log, clock, settings: options.settings ?? {}, serverAddress: options.advertise ?? DEFAULT_ADVERTISE, build: options.build ?? {},
    mounted: [...issuerRoutes(access.issuer, options.advertise ?? DEFAULT_ADVERTISE), ...openApiRoutes({ table, customDefinitions: (group, version) => definitions.documents(group, version) }), ...options.mounted ?? []],
  });
  chain = filterChain({
    clock, random, log, metrics, authenticators: access.authenticators, anonymous: options.anonymous ?? true, authorizer: access.authorizer,
    impersonation: access.impersonation, inFlight: inFlightLimit(), classify: flowClassifier(informers.for(flowschemas), informers.for(prioritylevelconfigurations)), audit: options.audit,
    statusResponse: (request, _info, error) => statusErrorResponse(request, error), stopping: stopping.signal,
    handler: (context) => answer(context),
  });

  async function answer(context: RequestContext): Promise<ApiResponse> {
    const { info } = context;
    if (!info.isResourceRequest) {
      if (context.request.upgrade !== undefined) throw newBadRequest('this path cannot be upgraded');
      return other(context);
    }
    if (!table.hasGroup(info.group) || isUnknownCustom(context)) return pageNotFound();
    return dispatch({ env, table, connects }, context);
  }

  /** Paths of custom groups that lead nowhere are no part of the API. */
  function isUnknownCustom({ info }: RequestContext): boolean {
    if (!table.isCustomGroup(info.group)) return false;
    const entry = table.find(info.group, info.version, info.resource);
    return entry === undefined || (!entry.info.namespaced && info.namespace !== '');
  }

  async function ensureServiceNetwork(now: string, signal: AbortSignal): Promise<void> {
    await ensureServiceCidr(client, serviceCidrs, now, signal);
    await ensureKubernetesService(client, { ...kubernetesService, addresses: await leases?.renew() ?? [] }, signal);
  }

  const [ownAddress, ownPort] = splitAddress(options.advertise ?? DEFAULT_ADVERTISE);
  const kubernetesService = { serviceIp: new AddressRange(serviceCidrs[0]!).first(), port: ownPort };
  const leases = isForPods(ownAddress) ? serverLeases(storage, ownAddress, { clock, log }) : undefined;

  /** Clients of the service go to the other servers from now on. */
  async function leaveService(own: NonNullable<typeof leases>): Promise<void> {
    const late = new AbortController();
    const timer = clock.setTimer(LEAVE_MS_MAX, () => late.abort(), { unref: true });
    try {
      await ensureKubernetesEndpoints(client, { ...kubernetesService, addresses: await own.leave() }, late.signal);
    } catch (error) {
      log.warn('this API server stays among the endpoints until its key in the store expires', { error });
    } finally {
      timer.cancel();
    }
  }

  const handshakes = metrics.counter({ name: 'apiserver_tls_handshake_errors_total', help: 'Number of requests dropped with \'TLS handshake error from\' error' });
  metrics.observed({ name: 'apiserver_audit_event_total', type: 'counter', help: 'Counter of audit events generated and sent to the audit backend.' }, () => [[[], options.audit?.eventCount ?? 0]]);
  const listeners: Listener[] = [];
  return {
    handler, access, table, feed,
    transport: (user) => inProcessTransport(handler, user),
    get ready() { return state.started && !state.stopping; },
    async start(signal) {
      await feed.start();
      for (const store of stores.all) await feed.attach(store.cache);
      await access.start(signal);
      await ensureSystemNamespaces(client, signal);
      const now = rfc3339(clock.now());
      // They do not need each other: together they share the store's group commits.
      await Promise.all([
        ensurePriorityClasses(client, signal), access.bootstrap(signal), ensureServiceNetwork(now, signal), ensureFlowControl(client, now, signal), ensureApiServices(client, table, now, signal),
      ]);
      await definitions.start(stopping.signal);
      const levels = informers.for(prioritylevelconfigurations);
      void keepDanglingConditions({ client, schemas: informers.for(flowschemas), levels, clock, log }, stopping.signal);
      void keepFlowControl({ client, clock, log }, stopping.signal);
      void repairRegularly({ client, allocators, clock, log, metrics }, stopping.signal);
      void leases?.keep((addresses) => ensureKubernetesEndpoints(client, { ...kubernetesService, addresses }, stopping.signal), stopping.signal);
      state.started = true;
      void observeSize(storage, metrics, clock, stopping.signal);
      void compactRegularly(storage, clock, log, stopping.signal);
    },
    async listen({ host, port, limits = {} }) {
      const listener = createListener({
        limits, handler, clock, log, handshakeFailed: () => handshakes.inc(), statusResponse: (error) => statusErrorResponse(NO_REQUEST, error),
        tls: { key: pki.serving.privateKeyPem, cert: pki.serving.certificatePem, clientAuthorities: [pki.authority.certificatePem, pki.frontProxyAuthority.certificatePem] },
      });
      listeners.push(listener);
      return listener.listen(host, port);
    },
    async stop() {
      if (state.stopping) return;
      state.stopping = true;
      stopping.abort();
      if (state.started && leases !== undefined) await leaveService(leases);
      await Promise.all(listeners.map((listener) => listener.close()));
      await informers.stop();
      await loopback.close();
      await feed.close();
      webhooks.close();
    },
  };
}

/** 10 µs and on, times four, in seconds, as upstream. */
const RATCHETING_BUCKETS = Array.from({ length: 10 }, (_one, index) => 0.00001 * 4 ** index);

function timedIn(histogram: Histogram, clock: Clock): Timed {
  return (work) => {
    const startMs = clock.monotonicNow();
    try {
      return work();
    } finally {
      histogram.observe((clock.monotonicNow() - startMs) / 1000);
    }
  };
}

/** Of a stop, for telling the others. */
const LEAVE_MS_MAX = 2_000;

const NO_REQUEST = {
  method: '', target: '', headers: {}, signal: new AbortController().signal, connection: { remoteAddress: '', tls: true }, readBody: () => Promise.resolve(Buffer.alloc(0)),
};

async function compactRegularly(storage: StorageEngine, clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
  let keepFrom = 0;
  while (!signal.aborted) {
    try {
      await clock.sleep(COMPACTION_INTERVAL_MS, signal);
      if (keepFrom > 0) await storage.compact(keepFrom);
      keepFrom = await storage.currentRevision(signal);
    } catch (error) {
      if (signal.aborted) return;
      log.warn('Compaction failed', { error });
    }
  }
}


/** `10.0.0.1:6443` or `[fd00::1]:6443`. */
function splitAddress(text: string): [string, number] {
  const colon = text.lastIndexOf(':');
  return [text.slice(0, colon).replace(/^\[|\]$/g, ''), Number(text.slice(colon + 1))];
}
