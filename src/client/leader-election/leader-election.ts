/**
 * Leader election by a Lease: of several equal components one is active.
 *
 *     candidate ──(lease free or expired)──▶ leader ──(not renewed in 10 s, or lost)──▶ candidate again
 *
 * Expiry is judged by when this process saw the lease change, never by the other's clock: skew is harmless, a different
 * rate of time beyond leaseDuration : renewDeadline is not. Leading is not fenced by itself: `lead` gets its
 * term, whose headers (`leader-term.ts`) on its writes let the server refuse them once another has taken over.
 */
import { rfc3339Micro, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import { leases, type Lease } from '#api/generated/coordination/v1';
import { isNotFound } from '#machinery/status-error';
import type { Client } from '../client.ts';
import type { LeaderTerm } from './leader-term.ts';

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly namespace: string;
  readonly name: string;
  /** Unique for each process: `host_uuid`. */
  readonly identity: string;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  /** Give the lease back when stopped, so that the next one need not wait. Default true. */
  readonly releaseOnStop?: boolean;
}

export const LEASE_DURATION_MS = 15_000;
export const RENEW_DEADLINE_MS = 10_000;
export const RETRY_PERIOD_MS = 2_000;
const JITTER = 1.2;

export interface LeaderElection {
  /** Competes until aborted; calls `lead` each time it wins, with a signal that ends with the leadership, and awaits it. */
  run(lead: (signal: AbortSignal, term: LeaderTerm) => Promise<void>, signal: AbortSignal): Promise<void>;
  isLeader(): boolean;
  /** The current term while leading. */
  term(): LeaderTerm | undefined;
}

export class LeadershipLostError extends Error {}

export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { clock, log, random } = options;
  const leaseMs = options.leaseDurationMs ?? LEASE_DURATION_MS;
  const deadlineMs = options.renewDeadlineMs ?? RENEW_DEADLINE_MS;
  const retryMs = options.retryPeriodMs ?? RETRY_PERIOD_MS;
  const api = options.client.for(leases, options.namespace);
  let observed: Lease | undefined;
  let observedAtMs = 0;
  let term: LeaderTerm | undefined;

  function observe(lease: Lease): void {
    const changed = observed?.spec?.holderIdentity !== lease.spec?.holderIdentity || observed?.spec?.renewTime !== lease.spec?.renewTime || observed?.metadata.uid !== lease.metadata.uid;
    if (changed) observedAtMs = clock.monotonicNow();
    observed = lease;
  }

  /** One try to take or renew the lease. @returns whether it is ours now. */
  async function tryOnce(signal: AbortSignal): Promise<boolean> {
    const time = rfc3339Micro(clock.now());
    const own = { holderIdentity: options.identity, leaseDurationSeconds: Math.ceil(leaseMs / 1000), acquireTime: time, renewTime: time, leaseTransitions: 0 };
    let current: Lease;
    try {
      current = await api.get(options.name, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      observe(await api.create({ metadata: { name: options.name, namespace: options.namespace }, spec: own }, { signal }));
      return true;
    }
    observe(current);
    const holder = current.spec?.holderIdentity ?? '';
    const ours = holder === options.identity;
    const validUntilMs = observedAtMs + (current.spec?.leaseDurationSeconds ?? leaseMs / 1000) * 1000;
    if (holder !== '' && !ours && clock.monotonicNow() < validUntilMs) return false;
    const transitions = current.spec?.leaseTransitions ?? 0;
    const spec = ours
      ? { ...current.spec, ...own, acquireTime: current.spec?.acquireTime ?? time, leaseTransitions: transitions }
      : { ...current.spec, ...own, leaseTransitions: transitions + 1 };
    observe(await api.update({ ...current, spec }, { signal })); // with the version read: a rival's write makes it a conflict
    return true;
  }

  async function attempt(signal: AbortSignal): Promise<boolean> {
    try {
      return await tryOnce(signal);
    } catch (error) {
      if (signal.aborted) throw error;
      log.debug('leader election: request failed', { lease: options.name, error: (error as Error).message });
      return false;
    }
  }

  async function keep(signal: AbortSignal): Promise<void> {
    let renewedMs = clock.monotonicNow();
    for (;;) {
      await clock.sleep(retryMs, signal);
      const leftMs = renewedMs + deadlineMs - clock.monotonicNow();
      if (leftMs <= 0) throw new LeadershipLostError(`the lease ${options.name} could not be renewed in ${deadlineMs} ms`);
      if (await withTimeout(clock, leftMs, signal, attempt)) renewedMs = clock.monotonicNow();
      else if ((observed?.spec?.holderIdentity ?? '') !== options.identity) throw new LeadershipLostError(`the lease ${options.name} is held by ${observed?.spec?.holderIdentity}`);
    }
  }

  async function release(): Promise<void> {
    if (observed === undefined || observed.spec?.holderIdentity !== options.identity) return;
    const time = rfc3339Micro(clock.now());
    try {
      await api.update({ ...observed, spec: { leaseDurationSeconds: 1, leaseTransitions: observed.spec.leaseTransitions ?? 0, acquireTime: time, renewTime: time, holderIdentity: '' } });
    } catch (error) {
      log.debug('leader election: the lease was not given back', { error: (error as Error).message });
    }
  }

  async function leadOnce(lead: (signal: AbortSignal, term: LeaderTerm) => Promise<void>, signal: AbortSignal): Promise<void> {
    const leading = new AbortController();
    const onAbort = (): void => leading.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    term = { lease: `${options.namespace}/${options.name}`, leaseUid: observed!.metadata.uid ?? '', transitions: observed!.spec?.leaseTransitions ?? 0 };
    log.info('became leader', { lease: options.name, identity: options.identity });
    const work = lead(leading.signal, term).catch((error: unknown) => { if (!leading.signal.aborted) throw error; });
    const renewing = keep(leading.signal);
    try {
      await Promise.race([work, renewing]);
    } catch (error) {
      if (!(error instanceof LeadershipLostError) && !signal.aborted) throw error;
      if (error instanceof LeadershipLostError) log.warn('lost leadership', { lease: options.name, error: error.message });
    } finally {
      term = undefined;
      leading.abort(new LeadershipLostError('no longer leader'));
      signal.removeEventListener('abort', onAbort);
      await Promise.allSettled([work, renewing]);
    }
  }

  return {
    isLeader: () => term !== undefined,
    term: () => term,
    async run(lead, signal) {
      try {
        while (!signal.aborted) {
          if (await withTimeout(clock, deadlineMs, signal, attempt)) await leadOnce(lead, signal);
          else await clock.sleep(retryMs * (1 + JITTER * random.next()), signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        if (options.releaseOnStop !== false) await release();
      }
    },
  };
}

/** False when it took longer; the loser is cancelled. */
async function withTimeout(clock: Clock, limitMs: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
  signal.throwIfAborted();
  const limited = new AbortController();
  const onAbort = (): void => limited.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = clock.setTimer(limitMs, () => limited.abort(new DOMException('too slow', 'TimeoutError')));
  try {
    return await work(limited.signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
