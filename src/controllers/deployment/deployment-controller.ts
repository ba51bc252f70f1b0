/**
 * Deployments: which events wake which deployment, and the claim on replica sets. What to do is in `sync.ts` and the plans.
 */
import { deployments, replicasets, type Deployment, type ReplicaSet } from '#api/generated/apps/v1';
import { pods } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { labelSelectorOf, labelsMatch, type LabelRequirements } from '#machinery/selector/label-selector';
import { controllerOf, controllerReference } from '#semantics/owner-reference';
import { applyClaims, CONTROLLER_INDEX, controllerIndexValues, orphansOf, planClaims } from '../claiming.ts';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { syncDeployment } from './sync.ts';

export const deploymentController: ControllerDefinition = {
  name: 'deployment-controller',
  serviceAccount: 'deployment-controller',
  make: makeController,
};

const RETRIES_MAX = 15;

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const all = informers.for(deployments);
  const sets = informers.for(replicasets);
  const allPods = informers.for(pods);
  sets.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  allPods.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  const loop = keyedLoop(context, { name: 'deployment', informers: [all, sets, allPods] as const, workers: context.options.concurrentSyncs, retriesMax: RETRIES_MAX, reconcile });

  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current), onDelete: (object) => loop.writes.forget(`${object.metadata.namespace}/${object.metadata.name}`) });
  sets.addHandlers({
    onAdd: wakeOwner,
    onUpdate(old, current) {
      if (controllerOf(old)?.uid !== controllerOf(current)?.uid) wakeOwner(old);
      wakeOwner(current);
    },
    onDelete: wakeOwner,
  });
  allPods.addHandlers({
    onDelete(pod) { // a deployment of strategy Recreate waits for its last old pod
      const owner = controllerOf(pod);
      if (owner?.kind !== 'ReplicaSet') return;
      const set = sets.get(owner.name, pod.metadata.namespace);
      const deployment = set === undefined ? undefined : deploymentOf(set);
      if (deployment?.spec?.strategy?.type === 'Recreate') loop.enqueue(deployment);
    },
  });

  function deploymentOf(set: ReplicaSet): Deployment | undefined {
    const owner = controllerOf(set);
    if (owner === undefined || owner.kind !== 'Deployment') return undefined;
    const deployment = all.get(owner.name, set.metadata.namespace);
    return deployment?.metadata.uid === owner.uid ? deployment : undefined;
  }

  function wakeOwner(set: ReplicaSet): void {
    if (controllerOf(set) !== undefined) {
      const deployment = deploymentOf(set);
      if (deployment !== undefined) loop.enqueue(deployment);
      return;
    }
    if (set.metadata.labels === undefined || set.metadata.deletionTimestamp !== undefined) return;
    for (const deployment of all.list(set.metadata.namespace)) if (labelsMatch(nonEmpty(deployment), set.metadata.labels)) loop.enqueue(deployment);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const deployment = all.get(name, namespace);
    if (deployment === undefined) return undefined;
    const selector = labelSelectorOf(deployment.spec!.selector);
    if (selector?.length === 0) return refuseSelectingAll(key, deployment, signal);
    const candidates = [...sets.byIndex(CONTROLLER_INDEX, deployment.metadata.uid!), ...sets.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
    const plan = planClaims(candidates, deployment, (set) => labelsMatch(selector, set.metadata.labels));
    const claimed = await applyClaims({ client, resource: replicasets, ownerResource: deployments, owner: deployment, reference: controllerReference(deployment, deployments), plan, signal });
    for (const set of claimed.slice(plan.claimed.length)) loop.writes.wrote(key, sets, set);
    return syncDeployment(deployment, {
      context, sets: claimed, signal,
      podsOf: (set) => allPods.byIndex(CONTROLLER_INDEX, set.metadata.uid!),
      wroteSet: (set) => loop.writes.wrote(key, sets, set),
      wroteDeployment: (written) => loop.writes.wrote(key, all, written),
    });
  }

  async function refuseSelectingAll(key: string, deployment: Deployment, signal: AbortSignal): Promise<void> {
    context.events.event(subjectOf(deployment, 'apps/v1', 'Deployment'), 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
    const { generation } = deployment.metadata;
    if ((deployment.status?.observedGeneration ?? 0) >= (generation ?? 0)) return;
    loop.writes.wrote(key, all, await client.for(deployments, deployment.metadata.namespace).updateStatus({ ...deployment, status: { ...deployment.status, observedGeneration: generation! } }, { signal }));
  }

  return { run: loop.run };
}

function nonEmpty(deployment: Deployment): LabelRequirements | undefined {
  const selector = labelSelectorOf(deployment.spec!.selector);
  return selector?.length === 0 ? undefined : selector;
}
