/**
 * Bounds the requests being worked on, writes apart from reads, and the watches and streams that one user holds open, so that
 * overload costs its sender a retry and nobody else anything.
 *
 * `system:masters` does not count, so that an administrator can always get in.
 */
import { newTooManyRequests } from '#machinery/status-error';
import type { RequestInfo, UserInfo } from '../request.ts';

export const READS_IN_FLIGHT_MAX = 400;
export const WRITES_IN_FLIGHT_MAX = 200;
/** Watches, logs and streams of one user at a time; a component of a large cluster has some hundred. */
export const LONG_RUNNING_PER_USER_MAX = 5_000;
const RETRY_AFTER_SECONDS = 1;
const READ_VERBS: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'head', 'options']);

export interface InFlight {
  /** @returns gives the place back. @throws StatusError 429 */
  enter(info: RequestInfo, user: UserInfo): () => void;
  /** For a request that may last for hours. @returns gives the place back. @throws StatusError 429 */
  open(user: UserInfo): () => void;
  current(kind: 'readOnly' | 'mutating'): number;
}

export interface InFlightLimits { readonly reads: number; readonly writes: number; readonly longRunningPerUser: number }

const LIMITS: InFlightLimits = { reads: READS_IN_FLIGHT_MAX, writes: WRITES_IN_FLIGHT_MAX, longRunningPerUser: LONG_RUNNING_PER_USER_MAX };

export function inFlightLimit(given: Partial<InFlightLimits> = {}): InFlight {
  const limits = { ...LIMITS, ...given };
  const opened = new Map<string, number>();
  const counts = { readOnly: 0, mutating: 0 };
  const nothing = (): void => {};
  return {
    enter(info, user) {
      const kind = READ_VERBS.has(info.verb) ? 'readOnly' : 'mutating';
      if (user.groups.includes('system:masters')) return nothing;
      const max = kind === 'readOnly' ? limits.reads : limits.writes;
      if (counts[kind] >= max) throw newTooManyRequests('Too many requests, please try again later.', RETRY_AFTER_SECONDS);
      counts[kind]++;
      let held = true;
      return () => { if (held) { held = false; counts[kind]--; } };
    },
    open(user) {
      if (user.groups.includes('system:masters')) return nothing;
      const count = opened.get(user.name) ?? 0;
      if (count >= limits.longRunningPerUser) throw newTooManyRequests('Too many requests, please try again later.', RETRY_AFTER_SECONDS);
      opened.set(user.name, count + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const left = opened.get(user.name)! - 1;
        if (left === 0) opened.delete(user.name); else opened.set(user.name, left);
      };
    },
    current: (kind) => counts[kind],
  };
}
