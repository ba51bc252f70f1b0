/**
 * What the plugins are given: local copies of a few resources, and the API server itself for what must be as fresh as can be.
 */
import type { Namespace } from '#api/generated/core/v1';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import type { Client } from '#client/client';
import type { InformerFactory } from '#client/informer-contract';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { isNotFound } from '#machinery/status-error';
import type { BoundPods } from '../authz/bound-pods.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { RbacIndex } from '../authz/rbac-index.ts';
import type { StoredObjects } from '../resources/decisions/stored-objects.ts';

export interface AdmissionDependencies {
  readonly metrics: MetricsRegistry;
  /** In-process, as `system:apiserver`. */
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly boundPods: BoundPods;
  /** As stored this moment. */
  readonly storedNamespaces: Pick<StoredObjects<Namespace>, 'get'>;
  readonly authorizer: Authorizer;
  readonly rbac: RbacIndex;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** From the local copy, or else, when it is not there (yet), from the API server. */
export async function lookup<T extends KubeObject>(
  { client, informers }: Pick<AdmissionDependencies, 'client' | 'informers'>, resource: ResourceType<T>, name: string, namespace: string | undefined, signal: AbortSignal,
): Promise<T | undefined> {
  return informers.for(resource).get(name, namespace) ?? await fresh(client, resource, name, namespace, signal);
}

/** From the API server itself; undefined when there is none. */
export async function fresh<T extends KubeObject>(
  client: Client, resource: ResourceType<T>, name: string, namespace: string | undefined, signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.for(resource, namespace).get(name, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
