/** Deletes bootstrap tokens when they expire. */
import { secrets, type Secret } from '#api/generated/core/v1';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { TOKEN_SECRETS, tokenField } from './token-secret.ts';

export const tokenCleaner: ControllerDefinition = {
  name: 'token-cleaner-controller',
  serviceAccount: 'token-cleaner',
  make: makeController,
};

function makeController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const all = context.informers.for(secrets, TOKEN_SECRETS);
  const loop = keyedLoop(context, { name: 'token_cleaner', informers: [all] as const, reconcile });
  const enqueue = (secret: Secret): void => loop.enqueue(secret);
  all.addHandlers({ onAdd: enqueue, onUpdate: (_old, current) => enqueue(current) });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const secret = all.get(name, namespace);
    const text = secret === undefined ? '' : tokenField(secret, 'expiration');
    if (secret === undefined || text === '') return undefined;
    const leftMs = Date.parse(text) - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    try { // an unreadable time counts as expired
      await client.for(secrets, namespace).delete(name, { preconditions: { uid: secret.metadata.uid! }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  return { run: loop.run };
}
