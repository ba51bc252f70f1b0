/**
 * A leader's term as a request header: the server refuses the write when another has taken the lease since.
 *
 *     kubernode-leader-term: kube-system/kube-scheduler 7d2c…e1 4
 *
 * A leader that was stopped for a while does not know that it leads no more; this keeps its late writes out. Other servers
 * do not know the header and take the write.
 */

/** Which term a leader is in: each taking of the lease from somebody else counts. */
export interface LeaderTerm {
  /** `namespace/name`. */
  readonly lease: string;
  readonly leaseUid: string;
  readonly transitions: number;
}

export const LEADER_TERM_HEADER = 'kubernode-leader-term';

const FORM = /^([a-z0-9.-]{1,63}\/[a-z0-9.-]{1,253}) ([0-9a-f-]{1,64}) ([0-9]{1,10})$/;

export function leaderTermHeaders({ lease, leaseUid, transitions }: LeaderTerm): Record<string, string> {
  return { [LEADER_TERM_HEADER]: `${lease} ${leaseUid} ${transitions}` };
}

/** Undefined when it is not of this form. */
export function parseLeaderTerm(text: string): LeaderTerm | undefined {
  const match = FORM.exec(text);
  return match === null ? undefined : { lease: match[1]!, leaseUid: match[2]!, transitions: Number(match[3]) };
}
