/**
 * Deletes all content of a namespace, resource by resource: pods first (they may hold what the rest protects), then all
 * others, several at a time. Tells what is left and how long to wait.
 */
import { pods } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { DiscoveredResource } from '#client/discovery';
import { listAll } from '#client/paginate';
import type { KubeObject } from '#machinery/meta';
import { isMethodNotSupported, isNotFound } from '#machinery/status-error';
import { isPodTerminal } from '#semantics/pod-state';
import type { ContentReport } from './namespace-conditions.ts';

export interface DeletionRequest {
  readonly client: Client;
  readonly namespace: string;
  readonly deletedAtMs: number;
  readonly nowMs: number;
  /** Namespaced and deletable. */
  readonly resources: readonly DiscoveredResource[];
  readonly discoveryError?: string;
  readonly signal: AbortSignal;
}

export interface DeletionResult {
  readonly report: ContentReport;
  /** Seconds until it is worth looking again; 0 and no errors: all is gone. */
  readonly estimateSeconds: number;
  /** Only pods were looked at. */
  readonly podsRemain: boolean;
}

const FINALIZER_ESTIMATE_SECONDS = 15;
const PARALLEL = 8;

interface Outcome { readonly remaining: number; readonly finalizers: ReadonlyMap<string, number>; readonly estimateSeconds: number; readonly error?: string }

export async function deleteContent(request: DeletionRequest): Promise<DeletionResult> {
  const remaining = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const deletionErrors: string[] = [];
  let estimateSeconds = 0;
  const note = (resource: DiscoveredResource, outcome: Outcome): void => {
    if (outcome.error !== undefined) deletionErrors.push(outcome.error);
    estimateSeconds = Math.max(estimateSeconds, outcome.estimateSeconds);
    if (outcome.remaining > 0) remaining.set(`${resource.resource}.${resource.group}`, outcome.remaining);
    for (const [name, count] of outcome.finalizers) finalizers.set(name, (finalizers.get(name) ?? 0) + count);
  };
  const report = (): ContentReport => ({ deletionErrors, remaining, finalizers, ...(request.discoveryError !== undefined && { discoveryError: request.discoveryError }) });

  const isPods = (resource: DiscoveredResource): boolean => resource.group === '' && resource.resource === pods.resource;
  const podResource = request.resources.find(isPods);
  if (podResource !== undefined) {
    note(podResource, await deleteResource(request, podResource, await podGraceSeconds(request)));
    if (remaining.size > 0) return { report: report(), estimateSeconds, podsRemain: true };
  }
  const rest = request.resources.filter((resource) => !isPods(resource));
  for (let i = 0; i < rest.length; i += PARALLEL) {
    await Promise.all(rest.slice(i, i + PARALLEL).map(async (resource) => note(resource, await deleteResource(request, resource, 0))));
  }
  return { report: report(), estimateSeconds, podsRemain: false };
}

/** The longest grace period of its running pods, until it has passed. */
async function podGraceSeconds(request: DeletionRequest): Promise<number> {
  const list = await listAll(request.client.for(pods, request.namespace), { signal: request.signal });
  const grace = list.items.filter((pod) => !isPodTerminal(pod)).reduce((most, pod) => Math.max(most, pod.spec?.terminationGracePeriodSeconds ?? 0), 0);
  return request.nowMs - request.deletedAtMs >= grace * 1000 ? 0 : grace;
}

async function deleteResource(request: DeletionRequest, resource: DiscoveredResource, graceSeconds: number): Promise<Outcome> {
  const api = request.client.for(resource, request.namespace);
  const none: Outcome = { remaining: 0, finalizers: new Map(), estimateSeconds: graceSeconds };
  const { signal } = request;
  const propagation = { propagationPolicy: 'Background', signal } as const;
  try {
    if (!resource.verbs.includes('deletecollection') || await unsupported(api.deleteCollection(propagation))) {
      if (!resource.verbs.includes('list')) return none;
      for (const item of (await listAll(api, { signal })).items) {
        await api.delete(item.metadata.name!, propagation).catch((error: unknown) => { if (!isNotFound(error) && !isMethodNotSupported(error)) throw error; });
      }
    }
    if (!resource.verbs.includes('list')) return none;
    const { items } = await listAll(api, { signal });
    if (items.length === 0) return { ...none, estimateSeconds: 0 };
    const finalizers = countFinalizers(items);
    const counted: Outcome = { remaining: items.length, finalizers, estimateSeconds: graceSeconds };
    if (graceSeconds !== 0) return counted;
    if (finalizers.size > 0) return { ...counted, estimateSeconds: FINALIZER_ESTIMATE_SECONDS };
    return { ...counted, error: `unexpected items still remain in namespace: ${request.namespace} for gvr: ${resource.group}/${resource.version}, Resource=${resource.resource}` };
  } catch (error) {
    signal.throwIfAborted();
    if (isNotFound(error) || isMethodNotSupported(error)) return none;
    return { ...none, error: (error as Error).message };
  }
}

async function unsupported(call: Promise<void>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    if (isNotFound(error) || isMethodNotSupported(error)) return true;
    throw error;
  }
}

function countFinalizers(items: readonly KubeObject[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) for (const name of item.metadata.finalizers ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
