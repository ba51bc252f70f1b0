/** A pod by name: narrowed, from the watch cache when it has a node there, or else from the API server. */
import { pods, type Pod } from '#api/generated/core/v1';
import { fresh, type AdmissionDependencies } from './dependencies.ts';

export async function findPod(dependencies: Pick<AdmissionDependencies, 'client' | 'boundPods'>, namespace: string, name: string, signal: AbortSignal): Promise<Pod | undefined> {
  return dependencies.boundPods.get(namespace, name) ?? fresh(dependencies.client, pods, name, namespace, signal);
}
