/** What a fresh cluster holds before anybody asks: the system namespaces and priority classes. Made when absent, never changed. */
import { namespaces, type Namespace } from '#api/generated/core/v1';
import { priorityclasses, type PriorityClass } from '#api/generated/scheduling/v1';
import type { Client } from '#client/client';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';

export const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'default', 'kube-node-lease'];

const PRIORITY_CLASSES: readonly PriorityClass[] = [
  { metadata: { name: 'system-node-critical' }, value: 2_000_001_000, description: 'Used for system critical pods that must not be moved from their current node.' },
  { metadata: { name: 'system-cluster-critical' }, value: 2_000_000_000, description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.' },
];

/** Makes the object when there is none of that name; whoever was faster is right too. @returns the object when it was made here */
export async function ensure<T extends KubeObject>(client: Client, resource: ResourceType<T>, object: T, signal: AbortSignal, namespace?: string, fieldManager?: string): Promise<T | undefined> {
  const objects = client.for(resource, namespace);
  try {
    await objects.get(object.metadata.name!, { signal });
    return undefined;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    return await objects.create(object, { signal, ...(fieldManager === undefined ? {} : { fieldManager }) });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return undefined;
  }
}

export async function ensureSystemNamespaces(client: Client, signal: AbortSignal): Promise<void> {
  for (const name of SYSTEM_NAMESPACES) await ensure<Namespace>(client, namespaces, { metadata: { name } } as Namespace, signal);
}

export async function ensurePriorityClasses(client: Client, signal: AbortSignal): Promise<void> {
  for (const priorityClass of PRIORITY_CLASSES) await ensure(client, priorityclasses, priorityClass, signal);
}
