/** What a plugin answers. "Does not fit" is an answer, never a throw; a throw is a fault of the plugin or of its surroundings. */

export type Code =
  | 'success'
  /** Does not fit now; evicting pods could help. */
  | 'unschedulable'
  /** Does not fit, and no eviction would help. */
  | 'unresolvable'
  /** Not my business for this pod: do not ask me again in this cycle. */
  | 'skip'
  /** Permit: wait for more. */
  | 'wait'
  /** Waits for something outside that will be an event. */
  | 'pending';

export interface Verdict {
  readonly code: Code;
  readonly reasons: readonly string[];
  /** The plugin that did not say success. */
  readonly plugin?: string;
}

export const SUCCESS: Verdict = { code: 'success', reasons: [] };
export const SKIP: Verdict = { code: 'skip', reasons: [] };

export function unschedulable(...reasons: string[]): Verdict { return { code: 'unschedulable', reasons }; }
export function unresolvable(...reasons: string[]): Verdict { return { code: 'unresolvable', reasons }; }

export function isRejected(verdict: Verdict): boolean {
  return verdict.code === 'unschedulable' || verdict.code === 'unresolvable' || verdict.code === 'pending';
}
