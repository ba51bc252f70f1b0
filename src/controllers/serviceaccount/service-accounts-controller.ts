/** Every live namespace has its `default` service account. */
import { namespaces, serviceaccounts } from '#api/generated/core/v1';
import type { Result } from '#client/reconcile/reconciler';
import { isAlreadyExists } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';

export const serviceAccountsController: ControllerDefinition = {
  name: 'serviceaccount-controller',
  serviceAccount: 'service-account-controller',
  make: makeController,
};

const ACCOUNT = 'default';

function makeController(context: ControllerContext): Controller {
  const spaces = context.informers.for(namespaces);
  const accounts = context.informers.for(serviceaccounts);
  const loop = keyedLoop(context, { name: 'serviceaccount', informers: [spaces, accounts] as const, workers: context.options.concurrentSyncs, reconcile });
  spaces.addHandlers({ onAdd: (namespace) => loop.queue.add(namespace.metadata.name!), onUpdate: (_old, current) => loop.queue.add(current.metadata.name!) });
  accounts.addHandlers({ onDelete: (account) => { if (account.metadata.name === ACCOUNT) loop.queue.add(account.metadata.namespace!); } });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const namespace = spaces.get(name);
    if (namespace === undefined || namespace.status?.phase === 'Terminating' || accounts.get(ACCOUNT, name) !== undefined) return;
    try {
      await context.client.for(serviceaccounts, name).create({ metadata: { name: ACCOUNT, namespace: name } }, { signal });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
  }

  return { run: loop.run };
}
