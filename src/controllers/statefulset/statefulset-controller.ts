/** Stateful sets: which events wake which set, the claims on pods and revisions. What to do is in `sync.ts`. */
import { controllerrevisions, statefulsets, type ControllerRevision, type StatefulSet } from '#api/generated/apps/v1';
import { persistentvolumeclaims, pods, type Pod } from '#api/generated/core/v1';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import { controllerOf, controllerReference } from '#semantics/owner-reference';
import { availableAtMs } from '#semantics/pod-state';
import { applyClaims, CONTROLLER_INDEX, controllerIndexValues, orphansOf, planClaims } from '../claiming.ts';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { byRevision, ensureRevision, truncateHistory } from '../revision-history.ts';
import { isMember, podRevision } from './identity.ts';
import { syncStatefulSet } from './sync.ts';

export const statefulSetController: ControllerDefinition = {
  name: 'statefulset-controller',
  serviceAccount: 'statefulset-controller',
  make: makeController,
};

const HASH_LABEL = 'controller.kubernetes.io/hash';
const HISTORY_LIMIT = 10;

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const all = informers.for(statefulsets);
  const allPods = informers.for(pods);
  const claims = informers.for(persistentvolumeclaims);
  const revisions = informers.for(controllerrevisions);
  for (const informer of [allPods, revisions] as const) informer.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  const loop = keyedLoop(context, { name: 'statefulset', informers: [all, allPods, claims, revisions] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current), onDelete: (set) => loop.writes.forget(objectKey(set)) });
  allPods.addHandlers({
    onAdd: wakeOwner, onDelete: wakeOwner,
    onUpdate(old, current) {
      if (controllerOf(old)?.uid !== controllerOf(current)?.uid) wakeOwner(old);
      wakeOwner(current);
    },
  });

  function wakeOwner(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner !== undefined) {
      if (owner.kind === 'StatefulSet') loop.queue.add(`${pod.metadata.namespace}/${owner.name}`);
      return;
    }
    for (const set of all.list(pod.metadata.namespace)) if (isMember(set, pod) && labelsMatch(labelSelectorOf(set.spec!.selector), pod.metadata.labels)) loop.enqueue(set);
  }

  async function claimRevisions(set: StatefulSet, signal: AbortSignal): Promise<ControllerRevision[]> {
    const selector = labelSelectorOf(set.spec!.selector);
    const candidates = [...revisions.byIndex(CONTROLLER_INDEX, set.metadata.uid!), ...revisions.byIndex(CONTROLLER_INDEX, orphansOf(set.metadata.namespace))];
    const plan = planClaims(candidates, set, (revision) => labelsMatch(selector, revision.metadata.labels));
    const claimed = await applyClaims({ client, resource: controllerrevisions, ownerResource: statefulsets, owner: set, reference: controllerReference(set, statefulsets), plan: { ...plan, release: [] }, signal });
    return claimed.sort(byRevision);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const set = all.get(name, namespace);
    if (set === undefined) return undefined;
    const selector = labelSelectorOf(set.spec!.selector);
    const known = await claimRevisions(set, signal);
    const candidates = [...allPods.byIndex(CONTROLLER_INDEX, set.metadata.uid!), ...allPods.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
    const plan = planClaims(candidates, set, (pod) => isMember(set, pod) && labelsMatch(selector, pod.metadata.labels));
    const owned = await applyClaims({ client, resource: pods, ownerResource: statefulsets, owner: set, reference: controllerReference(set, statefulsets), plan, signal });
    for (const pod of owned.slice(plan.claimed.length)) loop.writes.wrote(key, allPods, pod);

    const { revision: update, collisionCount, written } = await ensureRevision(client, { object: set, type: statefulsets, template: set.spec!.template, hashLabel: HASH_LABEL }, known, set.status?.collisionCount ?? 0, signal);
    if (written) loop.writes.wrote(key, revisions, update);
    const current = known.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? update;
    await syncStatefulSet(set, owned, {
      context, claims, current, update, collisionCount, signal,
      wrotePod: (pod) => loop.writes.wrote(key, allPods, pod),
      deletedPod: (pod) => loop.writes.deleted(key, allPods, pod),
      wroteClaim: (claim) => loop.writes.wrote(key, claims, claim),
      wroteSet: (written2) => loop.writes.wrote(key, all, written2),
    });
    const inUse = new Set([current.metadata.name!, update.metadata.name!, ...owned.map(podRevision)]);
    await truncateHistory(client, known, inUse, set.spec!.revisionHistoryLimit ?? HISTORY_LIMIT, signal);
    const nowMs = context.clock.now();
    const times = owned.map((pod) => availableAtMs(pod, set.spec!.minReadySeconds ?? 0, nowMs)).filter((time) => time !== undefined);
    return times.length === 0 ? undefined : { afterMs: Math.min(...times) - nowMs };
  }

  return { run: loop.run };
}
