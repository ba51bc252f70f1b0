/**
 * Pods from a directory of manifests: read at the start, when the directory changes, and every so often.
 *
 * A static pod's uid is a hash of its manifest and node, so that a changed file is another pod. Bad files are reported and left
 * out; the others run.
 */
import { createHash } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { rfc3339, type Clock, type Timer } from '#base/clock';
import type { Logger } from '#base/log';
import type { Pod } from '#api/generated/core/v1';
import { CONFIG_HASH, CONFIG_SEEN, CONFIG_SOURCE } from './pod-store.ts';

export interface StaticPodSource { start(signal: AbortSignal): void; hasSynced(): boolean }

export interface StaticPodOptions {
  path: string;
  nodeName: string;
  clock: Clock;
  log: Logger;
  checkMs: number;
  /** YAML or JSON text to objects. */
  parse(text: string): unknown[];
  onPods(pods: readonly Pod[]): void;
}

const MANIFEST_BYTES_MAX = 1024 * 1024;
const SETTLE_MS = 100;

export function createStaticPodSource(options: StaticPodOptions): StaticPodSource {
  let synced = false;
  let timer: Timer | undefined;
  let watcher: FSWatcher | undefined;
  const firstSeen = new Map<string, string>();

  async function read(signal: AbortSignal): Promise<void> {
    const found = new Map<string, Pod>();
    for (const name of (await listFiles(options.path)).sort()) {
      try {
        const pod = await readManifest(options, name);
        if (pod === undefined) continue;
        const seen = firstSeen.get(pod.metadata.uid!) ?? rfc3339(options.clock.now());
        firstSeen.set(pod.metadata.uid!, seen);
        pod.metadata.annotations![CONFIG_SEEN] = seen;
        found.set(`${pod.metadata.namespace}/${pod.metadata.name}`, pod);
      } catch (error) {
        options.log.warn('static pod manifest cannot be used', { file: name, error: error instanceof Error ? error.message : error });
      }
    }
    if (signal.aborted) return;
    synced = true;
    options.onPods([...found.values()]);
  }

  return {
    start: (signal) => {
      const loop = (): void => {
        timer?.cancel();
        read(signal).catch((error: unknown) => options.log.warn('static pods cannot be read', { error }))
          .finally(() => { if (!signal.aborted) timer = options.clock.setTimer(options.checkMs, loop, { unref: true }); });
      };
      try { watcher = watch(options.path, () => { timer?.cancel(); timer = options.clock.setTimer(SETTLE_MS, loop, { unref: true }); }); watcher.on('error', () => watcher?.close()); watcher.unref(); } catch { /* no directory yet: the period finds it */ }
      signal.addEventListener('abort', () => { timer?.cancel(); watcher?.close(); }, { once: true });
      loop();
    },
    hasSynced: () => synced,
  };
}

async function listFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return [];
  if (found.isFile()) return [path];
  return (await readdir(path)).filter((name) => !name.startsWith('.')).map((name) => join(path, name));
}

async function readManifest(options: StaticPodOptions, file: string): Promise<Pod | undefined> {
  const found = await stat(file);
  if (!found.isFile()) return undefined;
  if (found.size > MANIFEST_BYTES_MAX) throw new Error(`larger than ${MANIFEST_BYTES_MAX} bytes`);
  const objects = options.parse(await readFile(file, 'utf8'));
  const pod = objects[0] as Pod | undefined;
  if (objects.length !== 1 || pod?.kind !== 'Pod' || pod.apiVersion !== 'v1') throw new Error('a manifest must hold exactly one Pod of v1');
  return toStaticPod(pod, file, options.nodeName);
}

/** @throws Error for a pod that cannot be static. */
export function toStaticPod(manifest: Pod, file: string, nodeName: string): Pod {
  if (typeof manifest.metadata?.name !== 'string' || (manifest.spec?.containers ?? []).length === 0) throw new Error('metadata.name and spec.containers are required');
  const text = JSON.stringify(manifest);
  const hash = createHash('md5').update(`host:${nodeName}file:${file}`).update(text).digest('hex');
  const uid = manifest.metadata.uid === undefined || manifest.metadata.uid === '' ? hash : manifest.metadata.uid;
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata, uid, name: `${manifest.metadata.name}-${nodeName.toLowerCase()}`, namespace: manifest.metadata.namespace ?? 'default',
      annotations: { ...manifest.metadata.annotations, [CONFIG_SOURCE]: 'file', [CONFIG_HASH]: hash },
    },
    spec: {
      restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30, enableServiceLinks: true, securityContext: {}, ...manifest.spec!, nodeName,
      // Static pods are not evicted for taints.
      tolerations: [...(manifest.spec?.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }],
      containers: manifest.spec!.containers.map(withDefaults),
      ...(manifest.spec?.initContainers === undefined ? {} : { initContainers: manifest.spec.initContainers.map(withDefaults) }),
    },
    status: { phase: 'Pending' },
  };
}

function withDefaults<C extends { terminationMessagePath?: string; terminationMessagePolicy?: string }>(container: C): C {
  return { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', ...container };
}
