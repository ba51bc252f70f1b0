/**
 * What happens to one object of the graph: kept, released from owners that are gone, or deleted. All facts are live.
 *
 *     a living owner      the references to absent or leaving owners are removed
 *     owners that wait    it is deleted in the foreground when it has dependents itself, so that they go first
 *     no owner left       it is deleted, by the policy its own finalizers ask for
 */
import { LRUCache } from 'lru-cache';
import { inTurns } from '#base/in-turns';
import type { DiscoveredResource } from '#client/discovery';
import type { KubeObject, OwnerReference } from '#machinery/meta';
import { isConflict, isNotFound } from '#machinery/status-error';
import type { ObjectAccess } from './object-access.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER, type GraphNode, type OwnerGraph } from './owner-graph.ts';

const ABSENT_OWNERS_MAX = 500;
const CONFLICT_RETRIES = 5;

export interface Collector {
  /** @returns false: the object itself is gone, the graph should forget it. */
  check(node: GraphNode, signal: AbortSignal): Promise<boolean>;
  /** Releases the dependents of an object deleted with policy Orphan, then lets it go. */
  orphan(node: GraphNode, signal: AbortSignal): Promise<void>;
}

type OwnerState = 'alive' | 'absent' | 'waiting';

export function createCollector(graph: OwnerGraph, access: ObjectAccess): Collector {
  /** Owners that the server said do not exist; a uid never comes back. */
  const absent = new LRUCache<string, true>({ max: ABSENT_OWNERS_MAX });

  async function live(node: GraphNode, signal: AbortSignal): Promise<{ resource: DiscoveredResource; object: KubeObject } | undefined> {
    const resource = await access.resourceOf(node.apiVersion, node.kind, signal);
    const object = await access.get(resource, node.namespace, node.name, signal);
    return object === undefined || object.metadata.uid !== node.uid ? undefined : { resource, object };
  }

  async function ownerState(node: GraphNode, reference: OwnerReference, signal: AbortSignal): Promise<OwnerState | 'invalid'> {
    const resource = await access.resourceOf(reference.apiVersion, reference.kind, signal);
    if (resource.namespaced && node.namespace === '') return 'invalid';
    const namespace = resource.namespaced ? node.namespace : '';
    const key = [reference.apiVersion, reference.kind, namespace, reference.name, reference.uid].join('|');
    if (absent.has(key)) return 'absent';
    const owner = await access.get(resource, namespace, reference.name, signal);
    if (owner === undefined || owner.metadata.uid !== reference.uid) {
      absent.set(key, true);
      return 'absent';
    }
    const waiting = owner.metadata.deletionTimestamp !== undefined && owner.metadata.finalizers?.includes(FOREGROUND_FINALIZER) === true;
    return waiting ? 'waiting' : 'alive';
  }

  /** Waits until nothing that blocks is left, then lets it go. */
  async function finishForeground(node: GraphNode, found: { resource: DiscoveredResource; object: KubeObject }, signal: AbortSignal): Promise<void> {
    if (graph.blockingDependentsOf(node.uid).length === 0) await removeFinalizer(found.resource, found.object, FOREGROUND_FINALIZER, signal);
  }

  async function removeFinalizer(resource: DiscoveredResource, object: KubeObject, finalizer: string, signal: AbortSignal): Promise<void> {
    let current: KubeObject | undefined = object;
    for (let attempt = 0; current !== undefined && current.metadata.uid === object.metadata.uid; attempt++) {
      const finalizers = current.metadata.finalizers ?? [];
      if (!finalizers.includes(finalizer)) return;
      try {
        await access.patch(resource, current, { finalizers: finalizers.filter((name) => name !== finalizer) }, signal);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || attempt >= CONFLICT_RETRIES) throw error;
        current = await access.get(resource, object.metadata.namespace ?? '', object.metadata.name!, signal);
      }
    }
  }

  async function check(node: GraphNode, signal: AbortSignal): Promise<boolean> {
    const found = await live(node, signal);
    if (found === undefined) return false;
    const { resource, object } = found;
    if (node.deletingDependents) { await finishForeground(node, found, signal); return true; }
    if (node.beingDeleted) return true;
    const references = object.metadata.ownerReferences ?? [];
    if (references.length === 0) return true;
    const states = await Promise.all(references.map((reference) => ownerState(node, reference, signal)));
    if (states.includes('invalid')) return true; // a cluster object owned by a namespaced one: it will never be right
    if (states.includes('alive')) {
      const kept = references.filter((_, i) => states[i] === 'alive');
      if (kept.length < references.length) await access.patch(resource, object, { ownerReferences: kept }, signal);
      return true;
    }
    const dependents = graph.dependentsOf(node.uid);
    if (states.includes('waiting') && dependents.length > 0) {
      // In a circle each would wait for the other: this one no longer blocks its owners.
      if (dependents.some((dependent) => dependent.deletingDependents)) {
        await access.patch(resource, object, { ownerReferences: references.map((reference) => ({ ...reference, blockOwnerDeletion: false })) }, signal);
        const patched = await live(node, signal);
        if (patched === undefined) return false;
        await remove(resource, patched.object, 'Foreground', signal);
        return true;
      }
      await remove(resource, object, 'Foreground', signal);
      return true;
    }
    const finalizers = object.metadata.finalizers ?? [];
    await remove(resource, object, finalizers.includes(ORPHAN_FINALIZER) ? 'Orphan' : finalizers.includes(FOREGROUND_FINALIZER) ? 'Foreground' : 'Background', signal);
    return true;
  }

  async function remove(resource: DiscoveredResource, object: KubeObject, policy: 'Orphan' | 'Foreground' | 'Background', signal: AbortSignal): Promise<void> {
    try {
      await access.delete(resource, object, policy, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function release(dependent: GraphNode, ownerUid: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const found = await live(dependent, signal);
      const references = found?.object.metadata.ownerReferences ?? [];
      if (found === undefined || !references.some((reference) => reference.uid === ownerUid)) return;
      try {
        await access.patch(found.resource, found.object, { ownerReferences: references.filter((reference) => reference.uid !== ownerUid) }, signal);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || attempt >= CONFLICT_RETRIES) throw error;
      }
    }
  }

  return {
    check,
    async orphan(node, signal) {
      const released = await inTurns(graph.dependentsOf(node.uid), (dependent) => release(dependent, node.uid, signal));
      const failure = released.find((result) => result.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
      const found = await live(node, signal);
      if (found !== undefined) await removeFinalizer(found.resource, found.object, ORPHAN_FINALIZER, signal);
    },
  };
}
