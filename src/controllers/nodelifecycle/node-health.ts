/**
 * Whether a node still gives signs of life. It remembers when each node's last sign was seen, by our own steady clock: a jump of
 * the time of day silences nobody. Signs are a renewed lease or a new heartbeat of its Ready condition; the node's clock does not matter.
 */
import { rfc3339, type Clock } from '#base/clock';
import type { Lease } from '#api/generated/coordination/v1';
import type { Node, NodeCondition } from '#api/generated/core/v1';
import { findCondition } from '#semantics/condition';

export interface HealthOptions { readonly clock: Clock; readonly graceMs: number; readonly startupGraceMs: number }

interface Seen { signMs: number; heartbeat: string | undefined; known: boolean; renewTime: string | undefined }

export interface HealthVerdict {
  /** The conditions to write, when the node was silent for too long. */
  readonly conditions?: NodeCondition[];
  /** Ready before and after. */
  readonly observed: string;
  readonly current: NodeCondition | undefined;
}

const JUDGED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

export class NodeHealth {
  readonly #seen = new Map<string, Seen>();
  readonly #options: HealthOptions;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  knows(name: string): boolean { return this.#seen.has(name); }
  forget(name: string): void { this.#seen.delete(name); }
  /** All count as alive now: after a time in which nobody could be heard. */
  resetAll(): void {
    const nowMs = this.#options.clock.monotonicNow();
    for (const seen of this.#seen.values()) seen.signMs = nowMs;
  }

  judge(node: Node, lease: Lease | undefined): HealthVerdict {
    const { clock } = this.#options;
    const nowMs = clock.monotonicNow();
    const name = node.metadata.name!;
    const ready = findCondition(node.status?.conditions, 'Ready');
    const seen = this.#observe(name, node, ready, lease, nowMs);
    const graceMs = ready === undefined ? this.#options.startupGraceMs : this.#options.graceMs;
    const observed = ready?.status ?? 'Unknown';
    if (nowMs <= seen.signMs + graceMs) return { observed, current: ready };
    const conditions = silentConditions(node, clock.now());
    const current = findCondition(conditions, 'Ready')!;
    const changed = ready === undefined || ready.status !== current.status || ready.reason !== current.reason;
    return { observed, current, ...(changed && { conditions }) };
  }

  #ageMs(node: Node): number {
    const createdMs = Date.parse(node.metadata.creationTimestamp ?? '');
    return Number.isNaN(createdMs) ? 0 : Math.max(0, this.#options.clock.now() - createdMs);
  }

  #observe(name: string, node: Node, ready: NodeCondition | undefined, lease: Lease | undefined, nowMs: number): Seen {
    let seen = this.#seen.get(name);
    if (seen === undefined) {
      const signMs = ready === undefined ? nowMs - this.#ageMs(node) : nowMs;
      seen = { signMs, heartbeat: ready?.lastHeartbeatTime ?? undefined, known: ready !== undefined, renewTime: undefined };
      this.#seen.set(name, seen);
    } else if (seen.known !== (ready !== undefined) || (ready !== undefined && seen.heartbeat !== (ready.lastHeartbeatTime ?? undefined))) {
      seen.signMs = nowMs;
      seen.known = ready !== undefined;
      seen.heartbeat = ready?.lastHeartbeatTime ?? undefined;
    }
    const renewTime = lease?.spec?.renewTime ?? undefined;
    if (renewTime !== undefined && (seen.renewTime === undefined || Date.parse(renewTime) > Date.parse(seen.renewTime))) {
      seen.renewTime = renewTime;
      seen.signMs = nowMs;
    }
    return seen;
  }
}

function silentConditions(node: Node, nowMs: number): NodeCondition[] {
  const time = rfc3339(nowMs);
  const conditions = [...(node.status?.conditions ?? [])];
  for (const type of JUDGED) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const known = conditions[at];
    if (known === undefined) {
      conditions.push({
        type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp ?? time, lastTransitionTime: time,
      });
    } else if (known.status !== 'Unknown') {
      conditions[at] = { ...known, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: time };
    }
  }
  return conditions;
}
