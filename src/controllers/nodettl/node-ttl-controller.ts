/** Tells kubelets by an annotation how long they may use what they have read: longer in larger clusters. */
import { nodes } from '#api/generated/core/v1';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const nodeTtlController: ControllerDefinition = {
  name: 'ttl-controller',
  serviceAccount: 'ttl-controller',
  make: makeController,
};

const ANNOTATION = 'node.alpha.kubernetes.io/ttl';
/** Up and down at different sizes, so that it does not flap. */
const STEPS = [
  { min: 0, max: 100, seconds: 0 }, { min: 90, max: 500, seconds: 15 }, { min: 450, max: 1000, seconds: 30 },
  { min: 900, max: 2000, seconds: 60 }, { min: 1800, max: Infinity, seconds: 300 },
] as const;

/** The step for so many nodes, coming from another. */
export function nextStep(step: number, nodeCount: number): number {
  let next = step;
  while (nodeCount > STEPS[next]!.max) next++;
  while (nodeCount < STEPS[next]!.min) next--;
  return next;
}

function makeController(context: ControllerContext): Controller {
  const all = context.informers.for(nodes);
  let count = 0;
  let step = 0;
  const loop = keyedLoop(context, { name: 'ttlcontroller', informers: [all] as const, reconcile });
  const resized = (by: number): void => {
    count += by;
    const next = nextStep(step, count);
    if (next === step) return;
    step = next;
    for (const node of all.list()) loop.enqueue(node);
  };
  all.addHandlers({ onAdd(node) { resized(1); loop.enqueue(node); }, onUpdate: (_old, node) => loop.enqueue(node), onDelete: () => resized(-1) });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const node = all.get(name);
    const wanted = String(STEPS[step]!.seconds);
    if (node === undefined || node.metadata.annotations?.[ANNOTATION] === wanted) return;
    const patch = { metadata: { uid: node.metadata.uid, annotations: { [ANNOTATION]: wanted } } };
    try {
      loop.writes.wrote(name, all, await context.client.for(nodes).patch(name, 'application/merge-patch+json', patch, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return { run: loop.run };
}
