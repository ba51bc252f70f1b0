/**
 * The last result of each kind of probe by container id; listeners hear of changes, not of the first value.
 */
export type ProbeKind = 'liveness' | 'readiness' | 'startup';
export type ProbeOutcome = 'success' | 'failure' | 'unknown';
export interface ProbeAnswer { outcome: ProbeOutcome; output: string }

export interface ProbeResultsStore {
  get(kind: ProbeKind, containerId: string): ProbeOutcome | undefined;
  set(kind: ProbeKind, containerId: string, outcome: ProbeOutcome, podUid: string): void;
  remove(containerId: string): void;
}

export function createProbeResults(onChange: (podUid: string, kind: ProbeKind) => void): ProbeResultsStore {
  const results = new Map<string, ProbeOutcome>();
  const KINDS: readonly ProbeKind[] = ['liveness', 'readiness', 'startup'];
  return {
    get: (kind, containerId) => results.get(`${kind}/${containerId}`),
    set: (kind, containerId, outcome, podUid) => {
      const key = `${kind}/${containerId}`;
      const before = results.get(key);
      results.set(key, outcome);
      if (before !== undefined && before !== outcome) onChange(podUid, kind);
    },
    remove: (containerId) => { for (const kind of KINDS) results.delete(`${kind}/${containerId}`); },
  };
}
