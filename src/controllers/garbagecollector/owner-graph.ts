/**
 * Who owns whom: all objects that the collector knows, by uid, with edges to their owners. Pure.
 *
 * Each change returns what has to be looked at: dependents that may have lost their last owner, owners that wait for their
 * dependents, objects whose dependents are to be orphaned. The graph is only a hint of what to check: whether something is
 * really absent is always asked of the server, so a stale cache deletes nothing.
 */
import { parseGroupVersion } from '#machinery/gvk';
import type { KubeObject, OwnerReference } from '#machinery/meta';

export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

export interface GraphNode {
  readonly uid: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly beingDeleted: boolean;
  /** Deleted in the foreground: goes when its blocking dependents are gone. */
  readonly deletingDependents: boolean;
  readonly orphaning: boolean;
}

export interface Effects {
  /** Uids to check for deletion. */
  readonly check: Set<string>;
  /** Uids whose dependents are to be released. */
  readonly orphan: Set<string>;
  /** References across namespaces: nobody can follow them. */
  readonly invalidNamespace: { readonly dependent: GraphNode; readonly reference: OwnerReference }[];
}

export function nodeOf(object: KubeObject, apiVersion: string, kind: string): GraphNode {
  const { uid, name, namespace, ownerReferences, deletionTimestamp, finalizers } = object.metadata;
  const beingDeleted = deletionTimestamp !== undefined;
  return {
    uid: uid!, apiVersion, kind, name: name!, namespace: namespace ?? '', owners: ownerReferences ?? [], beingDeleted,
    deletingDependents: beingDeleted && finalizers?.includes(FOREGROUND_FINALIZER) === true,
    orphaning: beingDeleted && finalizers?.includes(ORPHAN_FINALIZER) === true,
  };
}

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  /** Owner's uid → dependents' uids; also of owners that are not known. */
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): GraphNode | undefined { return this.#nodes.get(uid); }
  size(): number { return this.#nodes.size; }
  nodes(): IterableIterator<GraphNode> { return this.#nodes.values(); }

  dependentsOf(uid: string): GraphNode[] {
    return [...this.#dependents.get(uid) ?? []].map((dependent) => this.#nodes.get(dependent)!);
  }

  /** Dependents that keep this owner from going before them. */
  blockingDependentsOf(uid: string): GraphNode[] {
    return this.dependentsOf(uid).filter((dependent) => dependent.owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true));
  }

  set(node: GraphNode): Effects {
    const effects = noEffects();
    const old = this.#nodes.get(node.uid);
    this.#nodes.set(node.uid, node);
    this.#unlink(old, node, effects);
    for (const owner of node.owners) {
      if (old?.owners.some((known) => known.uid === owner.uid) === true) continue;
      let set = this.#dependents.get(owner.uid);
      if (set === undefined) this.#dependents.set(owner.uid, set = new Set());
      set.add(node.uid);
      this.#examine(node, owner, effects);
    }
    if (old === undefined) this.#appeared(node, effects);
    if (node.orphaning && old?.orphaning !== true) effects.orphan.add(node.uid);
    if (node.deletingDependents && old?.deletingDependents !== true) {
      effects.check.add(node.uid);
      for (const dependent of this.#dependents.get(node.uid) ?? []) effects.check.add(dependent);
    }
    return effects;
  }

  delete(uid: string): Effects {
    const effects = noEffects();
    const node = this.#nodes.get(uid);
    if (node === undefined) return effects;
    this.#nodes.delete(uid);
    this.#unlink(node, undefined, effects);
    for (const dependent of this.#dependents.get(uid) ?? []) effects.check.add(dependent);
    return effects;
  }

  /** Removes edges that are no more; owners that waited for them are looked at again. */
  #unlink(old: GraphNode | undefined, node: GraphNode | undefined, effects: Effects): void {
    for (const owner of old?.owners ?? []) {
      const kept = node?.owners.find((reference) => reference.uid === owner.uid);
      const unblocked = owner.blockOwnerDeletion === true && kept?.blockOwnerDeletion !== true;
      if ((unblocked || kept === undefined) && this.#nodes.get(owner.uid)?.deletingDependents === true) effects.check.add(owner.uid);
      if (kept !== undefined) continue;
      const set = this.#dependents.get(owner.uid);
      if (set?.delete(old!.uid) === true && set.size === 0) this.#dependents.delete(owner.uid);
    }
  }

  /** A new edge: is its owner there, and is it the one that is meant? */
  #examine(node: GraphNode, reference: OwnerReference, effects: Effects): void {
    const owner = this.#nodes.get(reference.uid);
    if (owner === undefined) { effects.check.add(node.uid); return; }
    if (!this.#matches(owner, reference)) effects.check.add(node.uid);
    if (owner.namespace !== '' && owner.namespace !== node.namespace) {
      effects.invalidNamespace.push({ dependent: node, reference });
      effects.check.add(node.uid);
    }
    if (owner.deletingDependents) effects.check.add(node.uid);
  }

  /** An owner comes after its dependents: those that mean another one are looked at. */
  #appeared(owner: GraphNode, effects: Effects): void {
    for (const dependent of this.dependentsOf(owner.uid)) {
      const reference = dependent.owners.find((candidate) => candidate.uid === owner.uid)!;
      if (!this.#matches(owner, reference)) effects.check.add(dependent.uid);
      if (owner.namespace !== '' && owner.namespace !== dependent.namespace) {
        effects.invalidNamespace.push({ dependent, reference });
        effects.check.add(dependent.uid);
      }
    }
  }

  #matches(owner: GraphNode, reference: OwnerReference): boolean {
    return owner.name === reference.name && owner.kind === reference.kind && groupOf(owner.apiVersion) === groupOf(reference.apiVersion);
  }

  /** Every owner of this node is known, is the one that is meant, and is not on its way out. */
  hasSoundOwners(node: GraphNode): boolean {
    return node.owners.every((reference) => {
      const owner = this.#nodes.get(reference.uid);
      return owner !== undefined && this.#matches(owner, reference) && (owner.namespace === '' || owner.namespace === node.namespace) && !owner.deletingDependents;
    });
  }
}

function noEffects(): Effects {
  return { check: new Set(), orphan: new Set(), invalidNamespace: [] };
}

function groupOf(apiVersion: string): string {
  return parseGroupVersion(apiVersion)?.group ?? apiVersion;
}
