/**
 * The pods that this node should run: from the API and from static manifests, with their mirrors.
 *
 * A mirror pod stands in the API for a static pod (its annotation names the manifest's hash); it is never run itself.
 */
import type { Pod } from '#api/generated/core/v1';
import { podKey } from '../runtime/pod-text.ts';

export const CONFIG_SOURCE = 'kubernetes.io/config.source';
export const CONFIG_HASH = 'kubernetes.io/config.hash';
export const CONFIG_SEEN = 'kubernetes.io/config.seen';
export const CONFIG_MIRROR = 'kubernetes.io/config.mirror';

export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[CONFIG_SOURCE];
  return source !== undefined && source !== 'api';
}

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[CONFIG_MIRROR] !== undefined;
}

export interface PodStore {
  get(uid: string): Pod | undefined;
  byName(namespace: string, name: string): Pod | undefined;
  /** Pods to run: no mirrors. */
  list(): Pod[];
  mirrors(): Pod[];
  mirrorOf(pod: Pod): Pod | undefined;
  set(pod: Pod): void;
  remove(pod: Pod): void;
}

export function createPodStore(): PodStore {
  const byUid = new Map<string, Pod>();
  const mirrors = new Map<string, Pod>();
  return {
    get: (uid) => byUid.get(uid),
    byName: (namespace, name) => [...byUid.values()].find((pod) => pod.metadata.name === name && pod.metadata.namespace === namespace),
    list: () => [...byUid.values()],
    mirrors: () => [...mirrors.values()],
    mirrorOf: (pod) => mirrors.get(podKey(pod)),
    set: (pod) => { if (isMirrorPod(pod)) mirrors.set(podKey(pod), pod); else byUid.set(pod.metadata.uid!, pod); },
    remove: (pod) => {
      if (!isMirrorPod(pod)) byUid.delete(pod.metadata.uid!);
      else if (mirrors.get(podKey(pod))?.metadata.uid === pod.metadata.uid) mirrors.delete(podKey(pod));
    },
  };
}
