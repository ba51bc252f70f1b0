/** A pause that lets others run: for long work done in slices. Independent of the clock: no time passes. */

/** Resolves on a later turn of the event loop, after I/O that is already due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}

/** Calls back as many a turn as are given, the first of them at once, in the order they came: what thousands wait for holds nobody else up. */
export class TurnQueue {
  readonly #perTurn: number;
  #waiting: (() => void)[] = [];
  #next = 0;
  #calledThisTurn = 0;

  /** @param perTurn at least 1. */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** @param callback does not throw. */
  add(callback: () => void): void {
    if (this.#calledThisTurn === 0) setImmediate(this.#turn);
    if (this.#calledThisTurn >= this.#perTurn || this.#next < this.#waiting.length) { this.#waiting.push(callback); return; }
    this.#calledThisTurn++;
    callback();
  }

  readonly #turn = (): void => {
    const end = Math.min(this.#next + this.#perTurn, this.#waiting.length);
    this.#calledThisTurn = end - this.#next;
    if (this.#calledThisTurn > 0) setImmediate(this.#turn);
    while (this.#next < end) this.#waiting[this.#next++]!();
    if (this.#next * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  };
}
