/**
 * Where the kubelet keeps what it writes for a pod, as upstream lays it out: other tools look there.
 */
import { join } from 'node:path';
import type { Pod } from '#api/generated/core/v1';

export interface PodPaths {
  readonly podsDir: string;
  pod(uid: string): string;
  /** `plugin` as `kubernetes.io/empty-dir`. */
  volume(uid: string, plugin: string, name: string): string;
  volumes(uid: string): string;
  /** Bind mounts of subpaths: `<volume>/<container>/<index>`. */
  subpaths(uid: string): string;
  container(uid: string, name: string): string;
  hosts(uid: string): string;
  logs(pod: Pod): string;
}

export function podPaths(rootDir: string, podLogsDir: string): PodPaths {
  const pod = (uid: string): string => join(rootDir, 'pods', uid);
  return {
    podsDir: join(rootDir, 'pods'),
    pod,
    volume: (uid, plugin, name) => join(pod(uid), 'volumes', plugin.replaceAll('/', '~'), name),
    volumes: (uid) => join(pod(uid), 'volumes'),
    subpaths: (uid) => join(pod(uid), 'volume-subpaths'),
    container: (uid, name) => join(pod(uid), 'containers', name),
    hosts: (uid) => join(pod(uid), 'etc-hosts'),
    logs: (target) => join(podLogsDir, podLogDirName(target)),
  };
}

/** `<namespace>_<name>_<uid>`; a static pod's uid is its config hash. */
export function podLogDirName(pod: Pod): string {
  return `${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`;
}

/** Relative to the pod's log directory: CRI's `log_path`. */
export function containerLogName(container: string, attempt: number): string {
  return `${container}/${attempt}.log`;
}
