/**
 * The ConfigMaps and Secrets that pods of this node use, each watched on its own (a node may read no others).
 *
 * An object is watched from the first pod that uses it to the last; a change calls `onChange` with the pods' uids.
 */
import type { Clock } from '#base/clock';
import { configmaps, secrets, type ConfigMap, type Pod, type Secret } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { InformerFactory, InformerOptions } from '#client/informer-contract';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { isNotFound } from '#machinery/status-error';

export interface ObjectCache {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  /** Watches what the pod refers to, and no longer what it does not. */
  register(pod: Pod): void;
  unregister(uid: string): void;
}

export interface ObjectCacheOptions { client: Client | undefined; factory: InformerFactory | undefined; clock: Clock; onChange(podUids: readonly string[]): void }

interface Watched { users: Set<string>; stop(): void; synced(): boolean; get(): KubeObject | undefined }

/** A first answer later than this comes from a direct GET. */
const SYNC_WAIT_MS = 3_000;
const SYNC_POLL_MS = 20;

export function createObjectCache(options: ObjectCacheOptions): ObjectCache {
  const watched = new Map<string, Watched>();
  const keysOf = new Map<string, Set<string>>();

  function watch<T extends KubeObject>(resource: ResourceType<T>, namespace: string, name: string, users: Set<string>): Watched {
    const wanted: InformerOptions<T> = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = options.factory!.for(resource, wanted);
    const changed = (): void => options.onChange([...users]);
    const remove = informer.addHandlers({ onAdd: (_object, initial) => { if (!initial) changed(); }, onUpdate: (old, current) => { if (old.metadata.resourceVersion !== current.metadata.resourceVersion) changed(); }, onDelete: changed });
    return {
      users, synced: () => informer.hasSynced(), get: () => informer.get(name, namespace),
      stop: () => { remove(); void options.factory!.drop?.(resource, wanted); },
    };
  }

  async function read<T extends KubeObject>(resource: ResourceType<T>, namespace: string, name: string): Promise<T | undefined> {
    if (options.client === undefined) return undefined;
    const entry = watched.get(`${resource.resource}/${namespace}/${name}`);
    if (entry !== undefined) {
      const untilMs = options.clock.monotonicNow() + SYNC_WAIT_MS;
      while (!entry.synced() && options.clock.monotonicNow() < untilMs) await options.clock.sleep(SYNC_POLL_MS);
      if (entry.synced()) return entry.get() as T | undefined;
    }
    try { return await options.client.for(resource, namespace).get(name); } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  function release(uid: string, keys: Iterable<string>): void {
    for (const key of keys) {
      const entry = watched.get(key);
      entry?.users.delete(uid);
      if (entry !== undefined && entry.users.size === 0) { entry.stop(); watched.delete(key); }
    }
  }

  return {
    configMap: (namespace, name) => read(configmaps, namespace, name),
    secret: (namespace, name) => read(secrets, namespace, name),
    register: (pod) => {
      if (options.factory === undefined) return;
      const uid = pod.metadata.uid!;
      const wanted = new Map<string, () => Watched>();
      const namespace = pod.metadata.namespace!;
      for (const { resource, name } of referencesOf(pod)) {
        wanted.set(`${resource}/${namespace}/${name}`, () => (resource === 'configmaps' ? watch(configmaps, namespace, name, new Set()) : watch(secrets, namespace, name, new Set())));
      }
      const before = keysOf.get(uid) ?? new Set();
      keysOf.set(uid, new Set(wanted.keys()));
      for (const [key, start] of wanted) {
        let entry = watched.get(key);
        if (entry === undefined) { entry = start(); watched.set(key, entry); }
        entry.users.add(uid);
      }
      release(uid, [...before].filter((key) => !wanted.has(key)));
    },
    unregister: (uid) => { release(uid, keysOf.get(uid) ?? []); keysOf.delete(uid); },
  };
}

export interface ObjectReferenceOfPod { resource: 'configmaps' | 'secrets'; name: string }

/** Everything that a pod's environment, volumes and image pulls read. */
function referencesOf(pod: Pod): ObjectReferenceOfPod[] {
  const found = new Map<string, ObjectReferenceOfPod>();
  const add = (resource: ObjectReferenceOfPod['resource'], name: string | undefined): void => { if (name !== undefined && name !== '') found.set(`${resource}/${name}`, { resource, name }); };
  for (const secret of pod.spec?.imagePullSecrets ?? []) add('secrets', secret.name);
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []), ...(pod.spec?.ephemeralContainers ?? [])]) {
    for (const from of container.envFrom ?? []) { add('configmaps', from.configMapRef?.name); add('secrets', from.secretRef?.name); }
    for (const variable of container.env ?? []) { add('configmaps', variable.valueFrom?.configMapKeyRef?.name); add('secrets', variable.valueFrom?.secretKeyRef?.name); }
  }
  for (const volume of pod.spec?.volumes ?? []) {
    add('configmaps', volume.configMap?.name);
    add('secrets', volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) { add('configmaps', source.configMap?.name); add('secrets', source.secret?.name); }
  }
  return [...found.values()];
}
