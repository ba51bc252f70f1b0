/**
 * Puts access together: who asks (authenticators), may he (authorizer), may it be so (admission), and the decisions of the API.
 *
 *     createAccess → wire the parts into the server → start() → bootstrap() → ready
 *
 * `start` follows roles, bindings, pods and so on through the API server itself, as `system:apiserver`; until it has
 * resolved, only `system:masters` gets anything. `bootstrap` brings in the default policy.
 */
import { setMaxListeners } from 'node:events';
import { nodes, secrets, serviceaccounts, type Namespace, type Pod, type ResourceQuota } from '#api/generated/core/v1';
import { poddisruptionbudgets } from '#api/generated/policy/v1';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import type { Client } from '#client/client';
import type { InformerFactory } from '#client/informer-contract';
import type { ClusterPki } from '#pki/cluster-pki';
import { jsonWebKeySet } from '#pki/jwt';
import { admissionChain, type AdmissionChain } from './admission/chain.ts';
import { fresh, lookup, type AdmissionDependencies } from './admission/dependencies.ts';
import { findPod } from './admission/find-pod.ts';
import { admissionPlugins, type ExtensionPlugins } from './admission/registry.ts';
import type { AdmissionSwitches } from './admission/switches.ts';
import { timedAdmission } from './admission/timed-admission.ts';
import type { Authenticator, TokenAuthenticator } from './authn/authenticator.ts';
import { bearerTokenAuthenticator, webSocketTokenAuthenticator } from './authn/bearer-token.ts';
import { bootstrapTokenAuthenticator } from './authn/bootstrap-token.ts';
import type { BoundObjects } from './authn/bound-objects.ts';
import { clientCertificateAuthenticator } from './authn/client-certificate.ts';
import { frontProxyAuthenticator } from './authn/front-proxy.ts';
import { impersonation, type Impersonation } from './authn/impersonation.ts';
import { serviceAccountTokenAuthenticator } from './authn/service-account-token.ts';
import { chainAuthorizers, type Authorizer } from './authz/authorizer.ts';
import { defaultClusterRoles, ensureDefaultPolicy } from './authz/bootstrap/ensure-policy.ts';
import { nodeAuthorizer } from './authz/node-authorizer.ts';
import type { BoundPods } from './authz/bound-pods.ts';
import { NodeGraph } from './authz/node-graph.ts';
import { rbacAuthorizer } from './authz/rbac-authorizer.ts';
import { RbacIndex } from './authz/rbac-index.ts';
import { superuserAuthorizer } from './authz/superuser.ts';
import { ADMITTED_HEADER } from './handlers/delete-object.ts';
import type { DecisionResource } from './resources/decision.ts';
import { localSubjectAccessReview, selfSubjectAccessReview, subjectAccessReview } from './resources/decisions/access-reviews.ts';
import { legacyBinding, podBinding } from './resources/decisions/binding.ts';
import { podEviction } from './resources/decisions/eviction.ts';
import { selfSubjectReview, tokenReview } from './resources/decisions/identity-reviews.ts';
import { selfSubjectRulesReview } from './resources/decisions/rules-review.ts';
import type { StoredObjects } from './resources/decisions/stored-objects.ts';
import { tokenRequest } from './resources/decisions/token-request.ts';

export interface AccessOptions {
  /** In-process, as `system:apiserver` in `system:masters`. Used from `start` on. */
  readonly client: Client;
  /** Over the same client; started by `start`. */
  readonly informers: InformerFactory;
  /** What binding, eviction and quota change directly. */
  readonly pods: StoredObjects<Pod>;
  /** What is asked about pods on nodes. */
  readonly boundPods: BoundPods;
  readonly quotas: StoredObjects<ResourceQuota>;
  /** What every create looks at. */
  readonly storedNamespaces: Pick<StoredObjects<Namespace>, 'get'>;
  readonly pki: ClusterPki;
  /** `iss` of tokens. Default: https://kubernetes.default.svc.CLUSTER-DOMAIN. */
  readonly issuer?: string;
  /** The API server's audiences. Default: the issuer. */
  readonly audiences?: readonly string[];
  /** Webhooks and policies. */
  readonly extensions?: (authorizer: Authorizer) => ExtensionPlugins;
  readonly admissionSwitches?: AdmissionSwitches;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where admission is timed. */
  readonly metrics?: MetricsRegistry;
}

export interface Access {
  /** In their order; anonymous comes after them all. */
  readonly authenticators: readonly Authenticator[];
  readonly tokenAuthenticators: readonly TokenAuthenticator[];
  readonly authorizer: Authorizer;
  readonly impersonation: Impersonation;
  readonly admission: AdmissionChain;
  readonly decisions: readonly DecisionResource[];
  readonly issuer: IssuerDocuments;
  /** Resolves when the local copies are complete. */
  start(signal: AbortSignal): Promise<void>;
  /** Creates or completes the default roles and bindings. */
  bootstrap(signal: AbortSignal): Promise<void>;
}

/** What others verify our tokens with. */
export interface IssuerDocuments {
  /** `/.well-known/openid-configuration`, application/json. @param jwksUri where `jwks` is served. */
  openIdConfiguration(jwksUri: string): Promise<object>;
  /** `/openid/v1/jwks`, application/jwk-set+json. */
  jwks(): Promise<object>;
}

export const JWKS_CONTENT_TYPE = 'application/jwk-set+json';
export const JWKS_CACHE_CONTROL = 'public, max-age=3600';
const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';

export function createAccess(options: AccessOptions): Access {
  const { client, informers, clock, pki } = options;
  const metrics = options.metrics ?? new MetricsRegistry();
  const issuer = options.issuer ?? DEFAULT_ISSUER;
  const audiences = options.audiences ?? [issuer];
  const rbac = new RbacIndex();
  rbac.follow(informers);
  const graph = new NodeGraph(options.boundPods);
  graph.follow(informers);
  const nodeRules = defaultClusterRoles().find((role) => role.metadata.name === 'system:node')?.rules ?? [];
  const authorizer = chainAuthorizers([superuserAuthorizer, nodeAuthorizer(graph, nodeRules), rbacAuthorizer(rbac)]);
  const objects = boundObjects({ client, informers, boundPods: options.boundPods });
  const tokenAuthenticators = [
    serviceAccountTokenAuthenticator({
      issuers: [issuer], audiences, keys: async () => (await pki.serviceAccountKeys()).verification, objects, clock, metrics,
    }),
    bootstrapTokenAuthenticator({ secret: objects.secret, audiences, clock }),
  ];
  const timed = timedAdmission(metrics, clock);
  const dependencies: AdmissionDependencies = { ...options, authorizer, rbac, metrics };
  return {
    authenticators: [
      frontProxyAuthenticator({ authorities: () => [pki.frontProxyAuthority.certificatePem], allowedNames: ['front-proxy-client'], clock }),
      clientCertificateAuthenticator({ authorities: () => [pki.authority.certificatePem], clock, metrics }),
      bearerTokenAuthenticator(tokenAuthenticators, audiences),
      webSocketTokenAuthenticator(tokenAuthenticators, audiences),
    ],
    tokenAuthenticators, authorizer,
    impersonation: impersonation(authorizer),
    admission: timed.chain(admissionChain(timed.plugins(admissionPlugins(dependencies, options.quotas, options.extensions?.(authorizer), options.admissionSwitches)))),
    decisions: decisions(options, { issuer, audiences, objects, authorizer, rbac, tokenAuthenticators }),
    issuer: issuerDocuments(issuer, pki),
    async start(signal) {
      // Each informer waits on it; there are more of them than node's warning expects.
      setMaxListeners(0, signal);
      informers.start();
      await informers.whenSynced(signal);
    },
    bootstrap: (signal) => ensureDefaultPolicy(client, signal),
  };
}

function boundObjects(sources: Pick<AdmissionDependencies, 'client' | 'informers' | 'boundPods'>): BoundObjects {
  return {
    serviceAccount: (namespace, name, signal) => lookup(sources, serviceaccounts, name, namespace, signal),
    pod: (namespace, name, signal) => findPod(sources, namespace, name, signal),
    secret: (namespace, name, signal) => fresh(sources.client, secrets, name, namespace, signal),
    node: (name, signal) => lookup(sources, nodes, name, undefined, signal),
  };
}

interface Shared {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly objects: BoundObjects;
  readonly authorizer: Authorizer;
  readonly rbac: RbacIndex;
  readonly tokenAuthenticators: readonly TokenAuthenticator[];
}

function decisions(options: AccessOptions, shared: Shared): DecisionResource[] {
  const { client, clock, random, pki } = options;
  const binding = { pods: options.pods, clock };
  return [
    tokenRequest({ ...shared, signingKey: async () => (await pki.serviceAccountKeys()).signing, clock, random }),
    tokenReview(shared.tokenAuthenticators, shared.audiences),
    selfSubjectReview(),
    subjectAccessReview(shared.authorizer),
    selfSubjectAccessReview(shared.authorizer),
    localSubjectAccessReview(shared.authorizer),
    selfSubjectRulesReview(shared.rbac),
    podBinding(binding),
    legacyBinding(binding),
    podEviction({
      pods: options.pods, clock, random,
      getBudget: (namespace, name, signal) => client.for(poddisruptionbudgets, namespace).get(name, { signal }),
      updateBudgetStatus: async (budget, signal) => { await client.for(poddisruptionbudgets, budget.metadata.namespace!).updateStatus(budget, { signal }); },
      listBudgets: async (namespace, signal) => (await client.for(poddisruptionbudgets, namespace).list({ signal })).items,
      deletePod: async (namespace, name, body, signal) => {
        const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
        // The eviction was admitted; the deletion follows from it.
        await client.withHeaders({ [ADMITTED_HEADER]: 'true' }).raw('DELETE', path, { body: { apiVersion: 'v1', ...body, kind: 'DeleteOptions' }, signal });
      },
    }),
  ] as DecisionResource[];
}

function issuerDocuments(issuer: string, pki: ClusterPki): IssuerDocuments {
  return {
    async openIdConfiguration(jwksUri) {
      const { verification } = await pki.serviceAccountKeys();
      return {
        issuer, jwks_uri: jwksUri, response_types_supported: ['id_token'], subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [...new Set(verification.map((key) => key.algorithm))],
      };
    },
    jwks: async () => jsonWebKeySet((await pki.serviceAccountKeys()).verification),
  };
}
