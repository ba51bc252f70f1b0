/**
 * Empties namespaces that are being deleted, then lets them go.
 *
 * What there is to delete comes from discovery, so that custom and aggregated resources are included. A group that does
 * not answer keeps the namespace: its content cannot be known to be gone.
 */
import { namespaces, type Namespace } from '#api/generated/core/v1';
import { discoverPreferred } from '#client/discovery';
import type { Result } from '#client/reconcile/reconciler';
import { isConflict, isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { deleteContent } from './content-deletion.ts';
import { namespaceConditions } from './namespace-conditions.ts';

export const namespaceController: ControllerDefinition = {
  name: 'namespace-controller',
  serviceAccount: 'namespace-controller',
  make: makeController,
};

const FINALIZER = 'kubernetes';
const WORKERS = 10;
/** Lets objects that were created just before the deletion arrive. */
const GRACE_MS = 100;

function makeController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const all = context.informers.for(namespaces);
  const api = client.for(namespaces);
  const loop = keyedLoop(context, { name: 'namespace', informers: [all] as const, workers: WORKERS, reconcile });
  const enqueue = (namespace: Namespace): void => {
    if (namespace.metadata.deletionTimestamp !== undefined && (namespace.spec?.finalizers ?? []).length > 0) loop.queue.addAfter(namespace.metadata.name!, GRACE_MS);
  };
  all.addHandlers({ onAdd: enqueue, onUpdate: (_old, current) => enqueue(current) });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    let namespace: Namespace;
    try {
      namespace = await api.get(name, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (namespace.metadata.deletionTimestamp === undefined || (namespace.spec?.finalizers ?? []).length === 0) return undefined;
    if (namespace.status?.phase !== 'Terminating') namespace = await api.updateStatus({ ...namespace, status: { ...namespace.status, phase: 'Terminating' } }, { signal });

    const discovery = await discoverPreferred(client, { signal });
    const discoveryError = discovery.failed.length === 0 ? undefined
      : `Discovery failed for some groups, ${discovery.failed.length} failing: unable to retrieve the complete list of server APIs: ${[...discovery.failed].sort().map((group) => `${group}: stale GroupVersion discovery: ${group}`).join(', ')}`;
    const { report, estimateSeconds, podsRemain } = await deleteContent({
      client, namespace: name, deletedAtMs: Date.parse(namespace.metadata.deletionTimestamp!), nowMs: clock.now(), signal,
      resources: discovery.resources.filter((resource) => resource.namespaced && resource.verbs.includes('delete')),
      ...(discoveryError !== undefined && { discoveryError }),
    });
    const conditions = namespaceConditions(namespace.status?.conditions, report, clock.now(), !podsRemain);
    if (JSON.stringify(conditions) !== JSON.stringify(namespace.status?.conditions ?? [])) {
      namespace = await api.updateStatus({ ...namespace, status: { ...namespace.status, conditions } }, { signal }).catch((error: unknown) => {
        if (isConflict(error) || isNotFound(error)) return namespace; // only a report; it is made again
        throw error;
      });
    }
    const fault = report.deletionErrors[0] ?? report.discoveryError;
    if (fault !== undefined) throw new Error(fault);
    if (estimateSeconds > 0) return { afterMs: (estimateSeconds / 2 + 1) * 1000 };
    await finalize(namespace, signal);
    return undefined;
  }

  async function finalize(namespace: Namespace, signal: AbortSignal): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    try {
      await api.update({ ...namespace, spec: { ...namespace.spec, finalizers } }, { signal, subresource: 'finalize' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return { run: loop.run };
}
