/**
 * A node with the sums over its pods, kept up to date as pods come and go, never summed anew.
 *
 * Invariant: `requested` and `ports` equal the sum over `pods`. `generation` grows with every change, so that a snapshot
 * copies only nodes that changed.
 */
import type { Node } from '#api/generated/core/v1';
import { parseQuantity, quantityMilliValue, quantityValue } from '#machinery/quantity';
import { addAmounts, noAmounts, type Amounts, type HostPort, type PodInfo } from './pod-info.ts';

let generations = 0;

export interface ImageState { readonly sizeBytes: number }

export class NodeInfo {
  node: Node | undefined;
  readonly pods = new Map<string, PodInfo>();
  readonly podsWithAffinity = new Set<string>();
  readonly podsWithRequiredAntiAffinity = new Set<string>();
  readonly requested: Amounts = noAmounts();
  readonly scoringRequested: Amounts = noAmounts();
  allocatable: Amounts = noAmounts();
  allowedPods = 0;
  readonly images = new Map<string, ImageState>();
  generation = ++generations;

  get name(): string { return this.node?.metadata.name ?? ''; }

  setNode(node: Node | undefined): void {
    this.node = node;
    this.allocatable = noAmounts();
    this.allowedPods = 0;
    for (const [name, text] of Object.entries(node?.status?.allocatable ?? {})) {
      const quantity = parseQuantity(text);
      if (name === 'cpu') this.allocatable.milliCpu = quantityMilliValue(quantity);
      else if (name === 'memory') this.allocatable.memory = quantityValue(quantity);
      else if (name === 'ephemeral-storage') this.allocatable.ephemeralStorage = quantityValue(quantity);
      else if (name === 'pods') this.allowedPods = quantityValue(quantity);
      else this.allocatable.scalar.set(name, quantityValue(quantity));
    }
    this.images.clear();
    for (const image of node?.status?.images ?? []) for (const name of image.names ?? []) this.images.set(name, { sizeBytes: image.sizeBytes ?? 0 });
    this.generation = ++generations;
  }

  addPod(info: PodInfo): void {
    this.pods.set(info.uid, info);
    addAmounts(this.requested, info.requests, 1);
    addAmounts(this.scoringRequested, info.scoringRequests, 1);
    if (info.requiredAffinity.length + info.requiredAntiAffinity.length + info.preferredAffinity.length + info.preferredAntiAffinity.length > 0) this.podsWithAffinity.add(info.uid);
    if (info.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.add(info.uid);
    this.generation = ++generations;
  }

  removePod(uid: string): PodInfo | undefined {
    const info = this.pods.get(uid);
    if (info === undefined) return undefined;
    this.pods.delete(uid);
    this.podsWithAffinity.delete(uid);
    this.podsWithRequiredAntiAffinity.delete(uid);
    addAmounts(this.requested, info.requests, -1);
    addAmounts(this.scoringRequested, info.scoringRequests, -1);
    this.generation = ++generations;
    return info;
  }

  /** Whether one of the ports is taken here; 0.0.0.0 conflicts with every address. */
  hasPortConflict(wanted: readonly HostPort[]): boolean {
    if (wanted.length === 0) return false;
    for (const { hostPorts } of this.pods.values()) {
      for (const taken of hostPorts) {
        if (wanted.some((port) => port.port === taken.port && port.protocol === taken.protocol && (port.ip === taken.ip || port.ip === '0.0.0.0' || taken.ip === '0.0.0.0'))) return true;
      }
    }
    return false;
  }

  /** A copy that later changes do not reach: for the snapshot and for what-if questions of preemption. */
  clone(): NodeInfo {
    const copy = new NodeInfo();
    copy.node = this.node;
    for (const [uid, info] of this.pods) copy.pods.set(uid, info);
    for (const uid of this.podsWithAffinity) copy.podsWithAffinity.add(uid);
    for (const uid of this.podsWithRequiredAntiAffinity) copy.podsWithRequiredAntiAffinity.add(uid);
    addAmounts(copy.requested, this.requested, 1);
    addAmounts(copy.scoringRequested, this.scoringRequested, 1);
    copy.allocatable = this.allocatable;
    copy.allowedPods = this.allowedPods;
    for (const [name, state] of this.images) copy.images.set(name, state);
    copy.generation = this.generation;
    return copy;
  }
}
