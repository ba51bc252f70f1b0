/**
 * Fills secrets of type `kubernetes.io/service-account-token` with a token of their account, and deletes them when the
 * account is gone. These tokens never expire: they exist only where someone asked for one by making the secret.
 */
import { secrets, serviceaccounts, type Secret, type ServiceAccount } from '#api/generated/core/v1';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { signJwt, type SigningKey } from '#pki/jwt';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const tokenSecretsController: ControllerDefinition = {
  name: 'serviceaccount-token-controller',
  make: (context) => (context.options.serviceAccountSigningKey === undefined ? undefined : makeController(context, context.options.serviceAccountSigningKey)),
};

const TYPE = 'kubernetes.io/service-account-token';
const NAME_ANNOTATION = 'kubernetes.io/service-account.name';
const UID_ANNOTATION = 'kubernetes.io/service-account.uid';
const ISSUER = 'kubernetes/serviceaccount';
const ACCOUNT_INDEX = 'account';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function claimsOf(account: ServiceAccount, secret: Secret): Record<string, unknown> {
  const { name, namespace, uid } = account.metadata;
  const claim = 'kubernetes.io/serviceaccount';
  return {
    iss: ISSUER, sub: `system:serviceaccount:${namespace}:${name}`, [`${claim}/namespace`]: namespace, [`${claim}/secret.name`]: secret.metadata.name,
    [`${claim}/service-account.name`]: name, [`${claim}/service-account.uid`]: uid,
  };
}

function makeController(context: ControllerContext, signingKey: () => Promise<SigningKey>): Controller {
  const { client, options } = context;
  const tokens = context.informers.for(secrets, { fieldSelector: `type=${TYPE}` });
  const accounts = context.informers.for(serviceaccounts);
  tokens.addIndex(ACCOUNT_INDEX, (secret) => [`${secret.metadata.namespace}/${secret.metadata.annotations?.[NAME_ANNOTATION] ?? ''}`]);
  const loop = keyedLoop(context, { name: 'serviceaccount_tokens_secret', informers: [tokens, accounts] as const, workers: context.options.concurrentSyncs, reconcile });
  tokens.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });
  const wake = (account: ServiceAccount): void => { for (const secret of tokens.byIndex(ACCOUNT_INDEX, `${account.metadata.namespace}/${account.metadata.name}`)) loop.enqueue(secret); };
  accounts.addHandlers({ onAdd: wake, onUpdate: (_old, current) => wake(current), onDelete: wake });

  /** Undefined when it does not exist, or is not the one the secret was made for. The cache is not trusted with absence. */
  async function accountOf(secret: Secret, signal: AbortSignal): Promise<ServiceAccount | undefined> {
    const name = secret.metadata.annotations?.[NAME_ANNOTATION] ?? '';
    const uid = secret.metadata.annotations?.[UID_ANNOTATION] ?? '';
    const fits = (account: ServiceAccount | undefined): boolean => account !== undefined && (uid === '' || account.metadata.uid === uid);
    const cached = accounts.get(name, secret.metadata.namespace);
    if (fits(cached)) return cached;
    try {
      const live = await client.for(serviceaccounts, secret.metadata.namespace).get(name, { signal });
      return fits(live) ? live : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const secret = tokens.get(name, namespace);
    if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return;
    const api = client.for(secrets, namespace);
    const account = await accountOf(secret, signal);
    try {
      if (account === undefined) {
        await api.delete(name, { preconditions: { uid: secret.metadata.uid! }, signal });
        return;
      }
      const data = secret.data ?? {};
      const ca = options.rootCa;
      const complete = data['token'] !== undefined && data['namespace'] === base64(namespace) && (ca === undefined || data['ca.crt'] === base64(ca))
        && secret.metadata.annotations?.[UID_ANNOTATION] === account.metadata.uid;
      if (complete) return;
      const token = data['token'] ?? base64(await signJwt(claimsOf(account, secret), await signingKey()));
      const filled = { ...data, token, namespace: base64(namespace), ...(ca !== undefined && { 'ca.crt': base64(ca) }) };
      const annotations = { ...secret.metadata.annotations, [NAME_ANNOTATION]: account.metadata.name!, [UID_ANNOTATION]: account.metadata.uid! };
      loop.writes.wrote(key, tokens, await api.update({ ...secret, metadata: { ...secret.metadata, annotations }, data: filled }, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return { run: loop.run };
}
