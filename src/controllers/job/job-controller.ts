/** Jobs: which events wake which job, and the claim on pods. What to do is in `sync.ts`. */
import { jobs } from '#api/generated/batch/v1';
import { pods, type Pod } from '#api/generated/core/v1';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import { isNotFound } from '#machinery/status-error';
import { controllerOf, controllerReference } from '#semantics/owner-reference';
import { applyClaims, CONTROLLER_INDEX, controllerIndexValues, orphansOf, planClaims } from '../claiming.ts';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { NO_FAILURES, type BackoffRecord } from './failure-backoff.ts';
import { isTracked, TRACKING_FINALIZER } from './job-pods.ts';
import { isFinished } from './job-state.ts';
import { syncJob } from './sync.ts';

export const jobController: ControllerDefinition = {
  name: 'job-controller',
  serviceAccount: 'job-controller',
  make: makeController,
};

const MANAGER = 'kubernetes.io/job-controller';

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const all = informers.for(jobs);
  const allPods = informers.for(pods);
  allPods.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  const backoffs = new Map<string, BackoffRecord>();
  const loop = keyedLoop(context, { name: 'job', informers: [all, allPods] as const, workers: context.options.concurrentSyncs, reconcile });
  const orphans = keyedLoop(context, { name: 'job_orphan_pod', informers: [all, allPods] as const, workers: 1, reconcile: releaseOrphan });

  all.addHandlers({
    onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current),
    onDelete(job) {
      loop.writes.forget(objectKey(job));
      backoffs.delete(objectKey(job));
      for (const pod of allPods.byIndex(CONTROLLER_INDEX, job.metadata.uid!)) if (isTracked(pod)) orphans.enqueue(pod);
    },
  });
  allPods.addHandlers({
    onAdd: wakeOwner,
    onUpdate(old, current) {
      if (controllerOf(old)?.uid !== controllerOf(current)?.uid) wakeOwner(old);
      wakeOwner(current);
    },
    onDelete: wakeOwner,
  });

  function wakeOwner(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner !== undefined) {
      if (owner.kind !== 'Job') return;
      loop.queue.add(`${pod.metadata.namespace}/${owner.name}`);
      if (isTracked(pod) && all.get(owner.name, pod.metadata.namespace)?.metadata.uid !== owner.uid) orphans.enqueue(pod);
      return;
    }
    if (isTracked(pod)) orphans.enqueue(pod);
    if (pod.metadata.deletionTimestamp !== undefined) return;
    for (const job of all.list(pod.metadata.namespace)) {
      const selector = labelSelectorOf(job.spec?.selector);
      if (selector !== undefined && selector.length > 0 && labelsMatch(selector, pod.metadata.labels)) loop.enqueue(job);
    }
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const job = all.get(name, namespace);
    if (job === undefined || (job.spec?.managedBy !== undefined && job.spec.managedBy !== MANAGER)) return undefined;
    if (isFinished(job)) { backoffs.delete(key); return undefined; }
    const selector = labelSelectorOf(job.spec!.selector);
    const candidates = [...allPods.byIndex(CONTROLLER_INDEX, job.metadata.uid!), ...allPods.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
    const plan = planClaims(candidates, job, (pod) => labelsMatch(selector, pod.metadata.labels));
    const claimed = await applyClaims({ client, resource: pods, ownerResource: jobs, owner: job, reference: controllerReference(job, jobs), plan, signal });
    for (const pod of claimed.slice(plan.claimed.length)) loop.writes.wrote(key, allPods, pod);
    return syncJob(job, claimed, {
      context, signal, backoff: backoffs.get(key) ?? NO_FAILURES,
      wrotePod: (pod) => loop.writes.wrote(key, allPods, pod),
      deletedPod: (pod) => loop.writes.deleted(key, allPods, pod),
      wroteJob: (written) => loop.writes.wrote(key, all, written),
      keepBackoff: (record) => { backoffs.set(key, record); },
    });
  }

  /** A pod whose job is gone has nobody to count it: it must not stay because of that. */
  async function releaseOrphan(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const pod = allPods.get(name, namespace);
    if (pod === undefined || !isTracked(pod)) return;
    const owner = controllerOf(pod);
    if (owner?.kind === 'Job') {
      try {
        const job = await client.for(jobs, namespace).get(owner.name, { signal });
        if (job.metadata.uid === owner.uid) return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const patch = { metadata: { uid: pod.metadata.uid, '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
    await client.for(pods, namespace).patch(name, 'application/strategic-merge-patch+json', patch, { signal }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
  }

  return { async run(signal) { await Promise.all([loop.run(signal), orphans.run(signal)]); } };
}
