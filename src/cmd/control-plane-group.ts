/**
 * API server, controllers and scheduler in one process, talking in-process: what `kubernode up`, `kubernode server` and the test
 * cluster run.
 *
 * Each component speaks as itself: the scheduler as system:kube-scheduler, every controller as its own service account.
 */
import { namespaces } from '#api/generated/core/v1';
import { createApiServer, type ApiServer, type ApiServerOptions } from '#apiserver/server';
import { connectHandlers } from '#apiserver/proxy/connect-handlers';
import type { ProxyDependencies } from '#apiserver/proxy/kubelet-endpoint';
import { snapshotRoute } from '#apiserver/snapshot-route';
import type { Client } from '#client/client';
import { createClient } from '#client/rest-client';
import type { Transport } from '#client/transport';
import type { Component, ComponentContext } from '#component/component';
import { componentGroup } from '#component/component-group';
import { createControllerManager } from '#controllers/manager';
import type { ControllerOptions } from '#controllers/options';
import type { ClusterPki } from '#pki/cluster-pki';
import { createScheduler } from '#scheduler/component';
import type { StorageEngine } from '#storage/contract';
import { ensureAddons, type AddonOptions } from './addons.ts';
import { APPROVER_ACCOUNT, createCertificateApprover } from './certificate-approver.ts';
import { serverKeysRoute, type SharedConfig } from './server-join.ts';
import { ensureJoinObjects, type JoinOptions } from './join-objects.ts';

export interface ControlPlaneOptions extends ComponentContext {
  readonly storage: StorageEngine;
  readonly pki: ClusterPki;
  /** Where to serve HTTPS; empty: in-process only. */
  readonly listen: readonly { host: string; port: number }[];
  /** `host:port` that clients in the cluster are told. */
  readonly advertise?: string;
  readonly serviceCidrs?: readonly string[];
  readonly controllers?: Partial<ControllerOptions>;
  /** Audit, feature gates, served versions, admission plugins; absent: as by default. */
  readonly behaviour?: Pick<ApiServerOptions, 'runtimeConfig' | 'featureEnabled' | 'admissionSwitches' | 'audit'>;
  /** Objects of the cluster itself, such as the DNS service; absent: none. */
  readonly addons?: AddonOptions;
  /** Lets machines join with bootstrap tokens; absent: none can. */
  readonly join?: JoinOptions;
  /** Lets further servers join: where the keys lie, and what they must agree on. */
  readonly servers?: { readonly pkiDirectory: string; readonly config: SharedConfig };
  /** With the identity of this process where several control planes share a store. */
  readonly leaderElection?: { readonly identity: string };
}

export interface ControlPlane {
  readonly apiServer: ApiServer;
  /** In-process, as a member of system:masters. */
  readonly admin: Client;
  start(signal: AbortSignal): Promise<void>;
  ready(signal: AbortSignal): Promise<void>;
  /** Requests of its own components that are being answered. */
  requestsInFlight(): number;
  stop(): Promise<void>;
}

const SERVICE_ACCOUNT_NAMESPACE = 'kube-system';

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { clock, random, log, metrics, pki } = options;
  const clients: Client[] = [];
  let inFlight = 0;
  let proxyClient: Client | undefined;
  const proxy: ProxyDependencies = {
    get client() { return proxyClient ??= clientAs('kube-apiserver', 'system:apiserver', ['system:masters']); },
    tls: { key: pki.kubeletClient.privateKeyPem, cert: pki.kubeletClient.certificatePem, ca: pki.authority.certificatePem },
  };
  const apiServer = createApiServer({
    storage: options.storage, clock, random, log: log.child({ component: 'apiserver' }), metrics, pki, ...options.behaviour,
    ...(options.advertise === undefined ? {} : { advertise: options.advertise }), connectHandlers: connectHandlers(proxy, random),
    mounted: [
      snapshotRoute(options.storage, clock),
      ...(options.servers === undefined ? [] : [serverKeysRoute(options.servers.pkiDirectory, options.servers.config, async () => (await admin.for(namespaces).get('kube-system')).metadata.uid ?? '')]),
    ],
    ...(options.serviceCidrs === undefined ? {} : { serviceCidrs: options.serviceCidrs }),
  });

  /** @param program whose name owns the fields it writes. */
  function clientAs(program: string, name: string, groups: readonly string[]): Client {
    const client = createClient({ transport: counted(apiServer.transport({ name, groups: [...groups, 'system:authenticated'] }), (by) => { inFlight += by; }), clock, userAgent: `${program}/v1.36 kubernode/${name}` });
    clients.push(client);
    return client;
  }
  const serviceAccount = (name: string): Client => clientAs('kube-controller-manager', `system:serviceaccount:${SERVICE_ACCOUNT_NAMESPACE}:${name}`, ['system:serviceaccounts', `system:serviceaccounts:${SERVICE_ACCOUNT_NAMESPACE}`]);
  const admin = clientAs('kubernode', 'admin', ['system:masters']);

  const api: Component = {
    name: 'apiserver',
    async start(signal) {
      await apiServer.start(signal);
      for (const address of options.listen) await apiServer.listen(address);
    },
    stop: () => apiServer.stop(),
  };
  const shared = { clock, random, metrics, ...(options.leaderElection === undefined ? {} : { leaderElection: options.leaderElection }) };
  const group = componentGroup([
    api,
    createControllerManager({
      ...shared, log: log.child({ component: 'controller-manager' }), client: clientAs('kube-controller-manager', 'system:kube-controller-manager', []), clientFor: serviceAccount,
      options: { rootCa: pki.authority.certificatePem, signing: { caCertificate: pki.authority.certificatePem, caKey: authorityKeyPem(pki) }, serviceAccountSigningKey: async () => (await pki.serviceAccountKeys()).signing, ...options.controllers },
    }),
    createScheduler({ ...shared, log: log.child({ component: 'scheduler' }), client: clientAs('kube-scheduler', 'system:kube-scheduler', []) }),
    ...(options.addons === undefined ? [] : [addonComponent('addons', (signal) => ensureAddons(admin, options.addons!, signal), options)]),
    ...(options.join === undefined ? [] : [
      addonComponent('join', (signal) => ensureJoinObjects(admin, options.join!, signal), options),
      createCertificateApprover(serviceAccount(APPROVER_ACCOUNT), { ...shared, log: log.child({ component: 'certificate-approver' }) }),
    ]),
  ], { name: 'control-plane', clock, log });

  return {
    apiServer, admin,
    start: (signal) => group.start(signal),
    ready: async (signal) => { await group.ready?.(signal); },
    requestsInFlight: () => inFlight,
    async stop() {
      await group.stop();
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

function counted(transport: Transport, count: (by: 1 | -1) => void): Transport {
  return {
    async request(request) {
      count(1);
      try {
        return await transport.request(request);
      } finally {
        count(-1);
      }
    },
    close: () => transport.close(),
  };
}

function authorityKeyPem(pki: ClusterPki): string {
  return pki.authority.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

const ADDON_RETRY_MS = 1_000;

/** The cluster serves without its add-ons; they follow as soon as they can be made. */
function addonComponent(name: string, make: (signal: AbortSignal) => Promise<void>, { clock, log }: ComponentContext): Component {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const ensure = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await make(stopping.signal);
        return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn('the add-ons of the cluster could not be made; trying again', { name, error, retryMs: ADDON_RETRY_MS });
        await clock.sleep(ADDON_RETRY_MS, stopping.signal).catch(() => undefined);
      }
    }
  };
  return {
    name,
    async start() { running = ensure(); },
    async stop() {
      stopping.abort(new Error('add-ons stop'));
      await running;
    },
  };
}
