/**
 * What clients did and were told: the input of the checkers.
 *
 * Times are ticks: each start and each end gets the next number, so that "ended before it started" is exact. A recorder
 * serves all clients of one process, whatever they talk to.
 */

export interface Version { readonly value: string; readonly revision: number }

interface Timed { readonly client: string; readonly start: number; readonly end: number }

export type WriteOutcome =
  /** `revision` 0: not told (see `deletions.ts`). `previous`: what it replaced; null: not told. */
  | { readonly kind: 'done'; readonly revision: number; readonly previous: Version | undefined | null }
  /** The condition did not hold. `current`: what stood there; null: not told. */
  | { readonly kind: 'refused'; readonly current: Version | undefined | null }
  /** Known not to have happened (no space, overload). */
  | { readonly kind: 'failed' }
  /** It may have happened: the answer was lost. */
  | { readonly kind: 'unknown' };

export interface Write extends Timed {
  readonly type: 'write';
  readonly key: string;
  /** Unique over all writes, so that a value found says whose it is; undefined: delete. */
  readonly value: string | undefined;
  /** 0: must not exist; undefined: no condition. */
  readonly expected: number | undefined;
  readonly outcome: WriteOutcome;
}

export interface Get extends Timed {
  readonly type: 'get';
  readonly key: string;
  readonly found: Version | undefined;
  /** May be older than what others wrote, not than what this client saw. */
  readonly stale?: boolean;
}

export interface List extends Timed {
  readonly type: 'list';
  /** [first, end). */
  readonly first: string;
  readonly last: string;
  readonly revision: number;
  /** Asked for as of this revision: it says nothing about what is newest. */
  readonly exactly: boolean;
  /** As for a get. */
  readonly stale?: boolean;
  readonly items: readonly (Version & { readonly key: string })[];
}

export type Operation = Write | Get | List;

type Untimed<T> = T extends Operation ? Omit<T, 'start' | 'end' | 'client'> : never;

export class Recorder {
  #tick = 0;
  readonly operations: Operation[] = [];

  /** Runs the call of a client and notes what it answered. */
  async note(client: string, call: () => Promise<Untimed<Operation>>): Promise<Operation> {
    const start = this.#tick++;
    const answer = await call();
    const operation = { ...answer, client, start, end: this.#tick++ } as Operation;
    this.operations.push(operation);
    return operation;
  }
}
