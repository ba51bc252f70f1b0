/**
 * Leases: an id, a deadline and the keys that die with it.
 *
 * Deadlines are kept in order; nearly all leases have the same few times to live, so that inserting is appending. One timer
 * waits for the earliest. A renewed lease stands in line once more; its earlier place counts no longer. The book only says what
 * has expired; deleting is the engine's business, and `forget` comes after.
 */
import type { Clock, Timer } from '#base/clock';

export interface Lease {
  readonly id: number;
  readonly ttlMs: number;
  /** Monotonic. */
  dueMs: number;
  readonly keys: Set<string>;
  /** Time is up; its keys are being deleted and no new ones are taken. */
  expired: boolean;
  /** Somebody renews it: it is known on disk that it may live longer than was granted. */
  renewed: boolean;
}

export class Leases {
  readonly #clock: Clock;
  readonly #expire: (expired: readonly Lease[]) => void;
  readonly #byId = new Map<number, Lease>();
  /** By deadline. */
  readonly #queue: { readonly dueMs: number; readonly lease: Lease }[] = [];
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  #closed = false;

  constructor(clock: Clock, expire: (expired: readonly Lease[]) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  get size(): number { return this.#byId.size; }
  /** Whether there is one, expired ones included while their keys are being deleted. */
  has(id: number): boolean { return this.#byId.has(id); }

  /** A lease that still takes keys. */
  get(id: number): Lease | undefined {
    const lease = this.#byId.get(id);
    return lease === undefined || lease.expired ? undefined : lease;
  }

  /** @param leftMs time until it expires; the whole time to live when it is new. */
  add(id: number, ttlMs: number, leftMs = ttlMs): Lease {
    const dueMs = this.#clock.monotonicNow() + leftMs;
    const lease: Lease = { id, ttlMs, dueMs, keys: new Set(), expired: false, renewed: false };
    this.#byId.set(id, lease);
    this.#queueUp(lease);
    return lease;
  }

  /** Its whole time to live from now on. */
  renew(lease: Lease): void {
    lease.dueMs = this.#clock.monotonicNow() + lease.ttlMs;
    this.#queueUp(lease);
  }

  /** Leases that still take keys. */
  all(): Lease[] { return [...this.#byId.values()].filter((lease) => !lease.expired); }

  /** Undefined when there is no such lease, or its time is up. */
  secondsLeft(id: number): number | undefined {
    const lease = this.get(id);
    return lease === undefined ? undefined : Math.max(0, lease.dueMs - this.#clock.monotonicNow()) / 1000;
  }

  attach(id: number, key: string): void { this.#byId.get(id)?.keys.add(key); }
  detach(id: number, key: string): void { this.#byId.get(id)?.keys.delete(key); }
  forget(id: number): void { this.#byId.delete(id); }

  /** Puts a lease whose deletions failed back in line. */
  retry(lease: Lease, delayMs: number): void {
    this.#queue.unshift({ dueMs: this.#clock.monotonicNow() + delayMs, lease });
    this.#queue.sort((a, b) => a.dueMs - b.dueMs);
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #queueUp(lease: Lease): void {
    const { dueMs } = lease;
    let at = this.#queue.length;
    while (at > 0 && this.#queue[at - 1]!.dueMs > dueMs) at--;
    this.#queue.splice(at, 0, { dueMs, lease });
    this.#arm();
  }

  #arm(): void {
    const first = this.#queue[0];
    if (this.#closed || first === undefined || first.dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = first.dueMs;
    this.#timer = this.#clock.setTimer(Math.max(0, first.dueMs - this.#clock.monotonicNow()), () => this.#fire(), { unref: true });
  }

  #fire(): void {
    this.#timerDueMs = Infinity;
    const nowMs = this.#clock.monotonicNow();
    const expired: Lease[] = [];
    while (this.#queue.length > 0 && this.#queue[0]!.dueMs <= nowMs) {
      const { lease } = this.#queue.shift()!;
      if (lease.dueMs > nowMs || this.#byId.get(lease.id) !== lease) continue;
      lease.expired = true;
      expired.push(lease);
    }
    this.#arm();
    if (expired.length > 0) this.#expire(expired);
  }
}
