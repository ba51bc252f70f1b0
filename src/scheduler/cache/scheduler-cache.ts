/**
 * What the scheduler believes of the cluster: the nodes and pods it was told of, plus the pods it has placed itself and whose
 * binding it has not seen yet ("assumed").
 *
 *     assume ──bound──→ (informer shows it) confirmed
 *        └──binding failed──→ forgotten
 *
 * Invariant: every pod counts on exactly one node. The informer's word wins over an assumption.
 */
import type { Node, Pod } from '#api/generated/core/v1';
import { NodeInfo } from '../framework/node-info.ts';
import { podInfo, type PodInfo } from '../framework/pod-info.ts';
import { refreshSnapshot, Snapshot } from './snapshot.ts';

export class SchedulerCache {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Pod uid → node it counts on. */
  readonly #placed = new Map<string, string>();
  readonly #assumed = new Set<string>();
  readonly #snapshot = new Snapshot();

  setNode(node: Node): void {
    const name = node.metadata.name!;
    const info = this.#node(name);
    info.setNode(node);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined) return;
    info.setNode(undefined);
    if (info.pods.size === 0) this.#nodes.delete(name);
  }

  /** A pod the informer shows as assigned, new or changed. */
  setPod(pod: Pod): void {
    const uid = pod.metadata.uid!;
    this.#remove(uid);
    this.#assumed.delete(uid);
    this.#place(podInfo(pod), pod.spec!.nodeName!);
  }

  removePod(pod: Pod): void {
    this.#assumed.delete(pod.metadata.uid!);
    this.#remove(pod.metadata.uid!);
  }

  assume(info: PodInfo, nodeName: string): void {
    this.#remove(info.uid);
    this.#assumed.add(info.uid);
    this.#place(info, nodeName);
  }

  /** Takes an assumption back; nothing when the informer has confirmed it meanwhile. */
  forget(info: PodInfo): void {
    if (!this.#assumed.delete(info.uid)) return;
    this.#remove(info.uid);
  }

  isAssumed(uid: string): boolean { return this.#assumed.has(uid); }
  nodeCount(): number { return this.#snapshot.nodes.length; }

  /** The state now; valid until the next call. */
  snapshot(): Snapshot {
    refreshSnapshot(this.#snapshot, this.#nodes);
    return this.#snapshot;
  }

  #node(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) { info = new NodeInfo(); this.#nodes.set(name, info); }
    return info;
  }

  #place(info: PodInfo, nodeName: string): void {
    this.#placed.set(info.uid, nodeName);
    this.#node(nodeName).addPod(info);
  }

  #remove(uid: string): void {
    const nodeName = this.#placed.get(uid);
    if (nodeName === undefined) return;
    this.#placed.delete(uid);
    const node = this.#nodes.get(nodeName)!;
    node.removePod(uid);
    if (node.node === undefined && node.pods.size === 0) this.#nodes.delete(nodeName);
  }
}
