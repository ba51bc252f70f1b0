/**
 * Bootstrap tokens, `abcdef.0123456789abcdef`: the Secret `bootstrap-token-abcdef` in kube-system says whether the token counts.
 *
 * The Secret is read at each use (joining nodes are rare), so deleting it revokes at once.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '#api/generated/core/v1';
import type { Clock } from '#base/clock';
import { NONE, type TokenAuthenticator } from './authenticator.ts';
import { BOOTSTRAPPERS } from './groups.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
export const BOOTSTRAP_SECRET_TYPE = 'bootstrap.kubernetes.io/token';

export function bootstrapTokenAuthenticator(options: {
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  /** The API server's own: a bootstrap token names none. */
  audiences: readonly string[];
  clock: Clock;
}): TokenAuthenticator {
  return {
    name: 'bootstrap-token',
    async authenticateToken(token, audiences, signal) {
      const [, id, secretPart] = TOKEN.exec(token) ?? [];
      if (id === undefined || secretPart === undefined) return NONE;
      const secret = await options.secret('kube-system', `bootstrap-token-${id}`, signal);
      if (secret === undefined || secret.metadata.deletionTimestamp !== undefined || secret.type !== BOOTSTRAP_SECRET_TYPE) return NONE;
      const field = (key: string): Buffer => Buffer.from(secret.data?.[key] ?? '', 'base64');
      if (!equal(field('token-secret'), Buffer.from(secretPart)) || field('token-id').toString() !== id) return NONE;
      const expiration = field('expiration').toString();
      if (expiration !== '' && !(Date.parse(expiration) > options.clock.now())) return NONE;
      if (field('usage-bootstrap-authentication').toString() !== 'true') return NONE;
      const named = field('auth-extra-groups').toString();
      const extra = named === '' ? [] : named.split(',');
      if (!extra.every((group) => GROUP.test(group))) return NONE;
      const common = options.audiences.filter((audience) => audiences.includes(audience));
      if (common.length === 0) return NONE;
      return { kind: 'user', user: { name: `system:bootstrap:${id}`, groups: [BOOTSTRAPPERS, ...[...new Set(extra)].sort()] }, audiences: common };
    },
  };
}

function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
