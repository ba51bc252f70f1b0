/** Pods that preemption has promised a node, until they are bound, deleted or promised elsewhere. */
import type { PodInfo } from '../framework/pod-info.ts';

export class Nominator {
  readonly #byNode = new Map<string, Map<string, PodInfo>>();
  readonly #nodeOf = new Map<string, string>();

  /** @param nodeName '' takes the promise back. */
  nominate(pod: PodInfo, nodeName: string): void {
    this.remove(pod.uid);
    if (nodeName === '') return;
    this.#nodeOf.set(pod.uid, nodeName);
    let pods = this.#byNode.get(nodeName);
    if (pods === undefined) { pods = new Map(); this.#byNode.set(nodeName, pods); }
    pods.set(pod.uid, pod);
  }

  remove(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(nodeName)!;
    pods.delete(uid);
    if (pods.size === 0) this.#byNode.delete(nodeName);
  }

  on(nodeName: string): readonly PodInfo[] {
    const pods = this.#byNode.get(nodeName);
    return pods === undefined ? NONE : [...pods.values()];
  }

  nodeOf(uid: string): string { return this.#nodeOf.get(uid) ?? ''; }
}

const NONE: readonly PodInfo[] = [];
