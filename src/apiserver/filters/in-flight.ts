/**
 * Bounds the requests being worked on, writes apart from reads, so that overload costs the sender a retry.
 *
 * Long-running requests and `system:masters` do not count, so that an administrator can always get in.
 */
import { newTooManyRequests } from '#machinery/status-error';
import type { RequestInfo, UserInfo } from '../request.ts';

export const READS_IN_FLIGHT_MAX = 400;
export const WRITES_IN_FLIGHT_MAX = 200;
const RETRY_AFTER_SECONDS = 1;
const READ_VERBS: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'head', 'options']);

export interface InFlight {
  /** @returns gives the place back. @throws StatusError 429 */
  enter(info: RequestInfo, user: UserInfo): () => void;
  current(kind: 'readOnly' | 'mutating'): number;
}

export function inFlightLimit(limits: { reads: number; writes: number } = { reads: READS_IN_FLIGHT_MAX, writes: WRITES_IN_FLIGHT_MAX }): InFlight {
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
    current: (kind) => counts[kind],
  };
}
