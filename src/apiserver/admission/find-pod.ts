/** A pod by name: from the narrowed local copy, or from the API server where that has none yet. */
import { pods, type Pod } from '#api/generated/core/v1';
import { fresh, type AdmissionDependencies } from './dependencies.ts';

export async function findPod(dependencies: Pick<AdmissionDependencies, 'client' | 'pods'>, namespace: string, name: string, signal: AbortSignal): Promise<Pod | undefined> {
  const known = dependencies.pods.get(name, namespace);
  if (known !== undefined && (known.spec?.nodeName ?? '') !== '') return known;
  return fresh(dependencies.client, pods, name, namespace, signal);
}
