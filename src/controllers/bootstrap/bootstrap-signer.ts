/**
 * Signs the public `cluster-info` with each bootstrap token that may sign, so that a joining node that knows a token can
 * trust the CA it finds there: a detached JWS (HS256) over the kubeconfig, per token.
 */
import { createHmac } from 'node:crypto';
import { configmaps, secrets, type Secret } from '#api/generated/core/v1';
import type { Result } from '#client/reconcile/reconciler';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { TOKEN_SECRETS, tokenField } from './token-secret.ts';

export const bootstrapSigner: ControllerDefinition = {
  name: 'bootstrap-signer-controller',
  serviceAccount: 'bootstrap-signer',
  make: makeController,
};

const NAMESPACE = 'kube-public';
const NAME = 'cluster-info';
const KUBECONFIG = 'kubeconfig';
const SIGNATURE_PREFIX = 'jws-kubeconfig-';

/** `header..signature`: the content itself is left out. */
export function detachedSignature(content: string, tokenId: string, tokenSecret: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: tokenId })).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  const signature = createHmac('sha256', tokenSecret).update(`${header}.${payload}`).digest('base64url');
  return `${header}..${signature}`;
}

function maySign(secret: Secret, nowMs: number): boolean {
  const expiration = tokenField(secret, 'expiration');
  return secret.metadata.deletionTimestamp === undefined && tokenField(secret, 'usage-bootstrap-signing') === 'true'
    && secret.metadata.name === `bootstrap-token-${tokenField(secret, 'token-id')}` && tokenField(secret, 'token-secret') !== ''
    && (expiration === '' || Date.parse(expiration) > nowMs);
}

function makeController(context: ControllerContext): Controller {
  const tokens = context.informers.for(secrets, TOKEN_SECRETS);
  const maps = context.informers.for(configmaps, { namespace: NAMESPACE, fieldSelector: `metadata.name=${NAME}` });
  const loop = keyedLoop(context, { name: 'bootstrap_signer_queue', informers: [tokens, maps] as const, reconcile });
  const wake = (): void => loop.queue.add(`${NAMESPACE}/${NAME}`);
  for (const informer of [tokens, maps] as const) informer.addHandlers({ onAdd: wake, onUpdate: wake, onDelete: wake });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const map = maps.get(NAME, NAMESPACE);
    const content = map?.data?.[KUBECONFIG];
    if (map === undefined || content === undefined) return;
    const data = Object.fromEntries(Object.entries(map.data!).filter(([name]) => !name.startsWith(SIGNATURE_PREFIX)));
    for (const token of tokens.list()) {
      if (!maySign(token, context.clock.now())) continue;
      const id = tokenField(token, 'token-id');
      data[`${SIGNATURE_PREFIX}${id}`] = detachedSignature(content, id, tokenField(token, 'token-secret'));
    }
    const same = Object.keys(data).length === Object.keys(map.data!).length && Object.entries(data).every(([name, value]) => map.data![name] === value);
    if (!same) loop.writes.wrote(key, maps, await context.client.for(configmaps, NAMESPACE).update({ ...map, data }, { signal }));
  }

  return { run: loop.run };
}
