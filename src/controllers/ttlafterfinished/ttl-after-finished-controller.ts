/** Deletes finished jobs when their `ttlSecondsAfterFinished` has passed. */
import { jobs, type Job } from '#api/generated/batch/v1';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const ttlAfterFinishedController: ControllerDefinition = {
  name: 'ttl-after-finished-controller',
  serviceAccount: 'ttl-after-finished-controller',
  make: makeController,
};

/** When it expires; undefined when it does not, or not yet. */
export function expiryMs(job: Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const ending = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
  if (ttl === undefined || !ending?.lastTransitionTime || job.metadata.deletionTimestamp !== undefined) return undefined;
  return Date.parse(ending.lastTransitionTime) + ttl * 1000;
}

function makeController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const all = context.informers.for(jobs);
  const loop = keyedLoop(context, { name: 'ttl_jobs_to_delete', informers: [all] as const, workers: context.options.concurrentSyncs, reconcile });
  const enqueue = (job: Job): void => { if (expiryMs(job) !== undefined) loop.enqueue(job); };
  all.addHandlers({ onAdd: enqueue, onUpdate: (_old, current) => enqueue(current) });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const cached = all.get(name, namespace);
    const dueMs = cached === undefined ? undefined : expiryMs(cached);
    if (dueMs === undefined) return undefined;
    if (dueMs > clock.now()) return { afterMs: dueMs - clock.now() };
    try {
      const fresh = await client.for(jobs, namespace).get(name, { signal }); // the time may have been prolonged
      const freshMs = expiryMs(fresh);
      if (freshMs === undefined) return undefined;
      if (freshMs > clock.now()) return { afterMs: freshMs - clock.now() };
      await client.for(jobs, namespace).delete(name, { propagationPolicy: 'Foreground', preconditions: { uid: fresh.metadata.uid!, resourceVersion: fresh.metadata.resourceVersion! }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  return { run: loop.run };
}
