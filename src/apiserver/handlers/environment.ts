/** What all handlers share: the server's clock, chance, admission, authorizer and the hooks of resources that allocate something. */
import type { ResourceInfo } from '#api/registry';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { KubeObject } from '#machinery/meta';
import type { AdmissionAttributes } from '../admission/plugin.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { warn, type RequestContext } from '../context.ts';
import type { RequestInfo } from '../request.ts';
import type { StrategyContext } from '../resources/definition.ts';
import type { ServedResource } from '../served-resource.ts';
import type { DeleteOptions, WriteOptions } from './request-options.ts';

export interface AdmissionChain {
  /** Changes the new object in place. @throws StatusError */
  admit(attributes: AdmissionAttributes): Promise<void>;
  /** @throws StatusError */
  validate(attributes: AdmissionAttributes): Promise<void>;
}

/** Something that was taken for a write and must be kept or given back. */
export interface Reservation {
  keep(): Promise<void>;
  giveBack(): Promise<void>;
}

/** Resources whose writes take something outside the object: service addresses and ports. */
export interface WriteHooks {
  /** After defaults and admission, before validation; changes the object. @throws StatusError */
  beginCreate?(object: KubeObject, dryRun: boolean): Promise<Reservation>;
  beginUpdate?(object: KubeObject, old: KubeObject, dryRun: boolean): Promise<Reservation>;
  afterDelete?(object: KubeObject, dryRun: boolean): Promise<void>;
  /**
   * Takes a deletion over before the general rules: `put` stores the changed object, `keep` changes nothing, `go-on` leaves it
   * to the general rules. @throws StatusError
   */
  beginDelete?(object: KubeObject, options: DeleteOptions, nowMs: number): 'put' | 'keep' | 'go-on';
  /** An object that is being deleted and has no finalizers may go. */
  removable?(object: KubeObject): boolean;
  /** Adds what is not stored to an object that is answered with. */
  decorate?(object: KubeObject): void;
}

export interface HandlerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly admission: AdmissionChain;
  readonly authorizer: Authorizer;
  featureEnabled(gate: string): boolean;
  hooksOf(served: ServedResource): WriteHooks | undefined;
  /** Leases for objects that live for a time (events). */
  leaseFor(ttlSeconds: number): Promise<number>;
  /** Told of each event that a watch sends. */
  readonly watched?: (info: ResourceInfo, bytes: number) => void;
  /** Told when a watch has sent all that there was at its start. */
  readonly listed?: (info: ResourceInfo, namespace: string, seconds: number) => void;
  /** Told of each request for what will be served no more some day. */
  readonly deprecatedAsked?: (info: RequestInfo) => void;
}

/** One write under way. */
export interface WriteContext {
  readonly env: HandlerEnvironment;
  readonly request: RequestContext;
  readonly served: ServedResource;
  /** '' for cluster-scoped resources. */
  readonly namespace: string;
  /** Of the URL; '' on create. */
  readonly name: string;
  readonly options: WriteOptions;
  readonly strategyContext: StrategyContext;
}

export function writeContext(env: HandlerEnvironment, request: RequestContext, served: ServedResource, options: WriteOptions): WriteContext {
  const { info } = request;
  const namespace = served.info.namespaced ? info.namespace : '';
  return {
    env, request, served, namespace, name: info.name, options,
    strategyContext: {
      nowMs: request.nowMs, user: request.user, namespace, dryRun: options.dryRun, featureEnabled: (gate) => env.featureEnabled(gate),
      warn: (text) => warn(request, text),
    },
  };
}

/** What admission is asked about this write. */
export function admissionAttributes(write: WriteContext, operation: 'CREATE' | 'UPDATE', object: KubeObject, oldObject: KubeObject | undefined): AdmissionAttributes {
  const { request, served } = write;
  const options = operation === 'CREATE' ? { ...write.options.asObject, kind: 'CreateOptions' } : write.options.asObject;
  const name = write.name !== '' ? write.name : object.metadata.name ?? '';
  return {
    operation, info: request.info, user: request.user, definition: served.definition, kind: served.info.kind, name,
    // A namespace is in itself, as far as admission is concerned.
    namespace: served.info.resource === 'namespaces' && served.info.group === '' ? name : write.namespace,
    subresource: request.info.subresource, object, oldObject, options, dryRun: write.options.dryRun,
    warn: (text) => { warn(request, text); },
    annotate: (key, value) => { request.auditAnnotations.set(key, value); },
    get signal() { return request.signal; },
  };
}
