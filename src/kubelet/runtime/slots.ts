/**
 * At most so many at once; the waiting go in the order of rank, then of asking.
 */

export interface Slots {
  /** Resolves with the function that leaves; rejects with the signal's reason. @param rank lower goes first. */
  enter(rank?: number, signal?: AbortSignal): Promise<() => void>;
}

interface Waiting { rank: number; admit(): void }

export function createSlots(max: number): Slots {
  let inside = 0;
  const waiting: Waiting[] = [];
  const admitNext = (): void => {
    while (inside < max && waiting.length > 0) {
      inside++;
      waiting.shift()!.admit();
    }
  };
  const leaver = (): (() => void) => {
    let left = false;
    return () => { if (!left) { left = true; inside--; admitNext(); } };
  };
  return {
    enter: (rank = 0, signal) => new Promise((resolve, reject) => {
      if (signal?.aborted === true) { reject(signal.reason); return; }
      const entry: Waiting = { rank, admit: () => { signal?.removeEventListener('abort', onAbort); resolve(leaver()); } };
      const onAbort = (): void => { waiting.splice(waiting.indexOf(entry), 1); reject(signal!.reason); };
      const after = waiting.findIndex((other) => other.rank > rank);
      waiting.splice(after === -1 ? waiting.length : after, 0, entry);
      signal?.addEventListener('abort', onAbort, { once: true });
      admitNext();
    }),
  };
}
