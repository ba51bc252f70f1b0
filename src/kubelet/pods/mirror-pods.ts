/**
 * Shows static pods in the API: makes mirrors, replaces outdated ones, removes those whose pod is gone.
 */
import { nodes, pods, type Pod } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { CONFIG_HASH, CONFIG_MIRROR, isStaticPod, type PodStore } from './pod-store.ts';

export interface MirrorPods {
  ensure(pod: Pod): Promise<void>;
  removeOrphans(): Promise<void>;
}

export function createMirrorPods(options: { client: Client | undefined; store: PodStore; nodeName: string }): MirrorPods {
  const { client, store } = options;
  const remove = async (mirror: Pod): Promise<void> => {
    try {
      await client!.for(pods, mirror.metadata.namespace).delete(mirror.metadata.name!, { gracePeriodSeconds: 0, preconditions: { uid: mirror.metadata.uid! } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  return {
    ensure: async (pod) => {
      if (client === undefined || !isStaticPod(pod)) return;
      const current = store.mirrorOf(pod);
      const hash = pod.metadata.annotations![CONFIG_HASH]!;
      if (current !== undefined) {
        if (current.metadata.deletionTimestamp === undefined && current.metadata.annotations?.[CONFIG_MIRROR] === hash) return;
        await remove(current);
      }
      const node = await client.for(nodes).get(options.nodeName);
      const { uid: _uid, resourceVersion: _version, ...metadata } = pod.metadata;
      const mirror: Pod = {
        apiVersion: 'v1', kind: 'Pod', spec: pod.spec!,
        metadata: {
          ...metadata, annotations: { ...metadata.annotations, [CONFIG_MIRROR]: hash },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name!, uid: node.metadata.uid!, controller: true }],
        },
      };
      await client.for(pods, mirror.metadata.namespace).create(mirror).catch((error: unknown) => { if (!isAlreadyExists(error)) throw error; });
    },
    removeOrphans: async () => {
      if (client === undefined) return;
      for (const mirror of store.mirrors()) {
        if (store.byName(mirror.metadata.namespace!, mirror.metadata.name!) === undefined) await remove(mirror);
      }
    },
  };
}
