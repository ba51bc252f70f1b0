/**
 * Gives a volume to a group: fsGroup of the pod's security context.
 *
 *     owner :group, files |= 0660 (0440 read-only), directories |= 0770 and setgid
 */
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '#api/generated/core/v1';

export async function giveToGroup(path: string, group: number, options: { readOnly: boolean; onRootMismatch?: boolean }): Promise<void> {
  if (options.onRootMismatch === true) {
    const root = await lstat(path);
    if (root.gid === group && (root.mode & 0o2070) === 0o2070) return;
  }
  await walk(path, group, options.readOnly);
}

async function walk(path: string, group: number, readOnly: boolean): Promise<void> {
  const stat = await lstat(path);
  if (stat.isDirectory()) for (const name of await readdir(path)) await walk(join(path, name), group, readOnly);
  await lchown(path, stat.uid, group);
  if (stat.isSymbolicLink()) return;
  const wider = readOnly ? 0o440 : 0o660;
  await chmod(path, (stat.mode & 0o7777) | wider | (stat.isDirectory() ? 0o2110 : 0));
}

/** The user of all containers, when they agree: who may read a service account token. */
export function commonUser(pod: Pod): number | undefined {
  const podUser = pod.spec?.securityContext?.runAsUser;
  const users = new Set([...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map((container) => container.securityContext?.runAsUser ?? podUser));
  return users.size === 1 ? [...users][0] : undefined;
}
