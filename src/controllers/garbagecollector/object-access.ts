/** Reads and writes the metadata of objects of any kind, as the collector needs them. */
import type { Client } from '#client/client';
import { kindResolver, type DiscoveredResource } from '#client/discovery';
import { resourcePath } from '#client/resource-path';
import type { Clock } from '#base/clock';
import type { KubeObject, OwnerReference } from '#machinery/meta';
import { isNotFound } from '#machinery/status-error';

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
export interface ObjectAccess {
  /** @throws UnknownKindError when no server has this kind. */
  resourceOf(apiVersion: string, kind: string, signal: AbortSignal): Promise<DiscoveredResource>;
  /** Undefined when it does not exist. */
  get(resource: DiscoveredResource, namespace: string, name: string, signal: AbortSignal): Promise<KubeObject | undefined>;
  /** Replaces references or finalizers of that version of that object. @throws StatusError Conflict when it changed meanwhile. */
  patch(resource: DiscoveredResource, object: KubeObject, change: { ownerReferences?: OwnerReference[]; finalizers?: string[] }, signal: AbortSignal): Promise<void>;
  delete(resource: DiscoveredResource, object: KubeObject, policy: 'Orphan' | 'Foreground' | 'Background', signal: AbortSignal): Promise<void>;
}

export function objectAccess(client: Client, clock: Clock): ObjectAccess {
  const kinds = kindResolver(client, clock);
  return {
    resourceOf: (apiVersion, kind, signal) => kinds.resolve(apiVersion, kind, signal),
    async get(resource, namespace, name, signal) {
      try {
        return await client.raw<KubeObject>('GET', resourcePath(resource, namespace, name), { accept: METADATA_ONLY, signal });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async patch(resource, object, change, signal) {
      const { name, namespace, uid, resourceVersion } = object.metadata;
      await client.raw('PATCH', resourcePath(resource, namespace, name!), {
        accept: METADATA_ONLY, contentType: 'application/merge-patch+json', body: { metadata: { uid, resourceVersion, ...change } }, signal,
      });
    },
    async delete(resource, object, policy, signal) {
      const { name, namespace, uid, resourceVersion } = object.metadata;
      await client.for(resource, namespace).delete(name!, { propagationPolicy: policy, preconditions: { uid: uid!, resourceVersion: resourceVersion! }, signal });
    },
  };
}
