/** Secrets that hold bootstrap tokens. */
import type { Secret } from '#api/generated/core/v1';

export const TOKEN_SECRETS = { namespace: 'kube-system', fieldSelector: 'type=bootstrap.kubernetes.io/token' } as const;

/** '' when the field is missing. */
export function tokenField(secret: Secret, name: string): string {
  return Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8');
}
