/**
 * How much history a store keeps for itself: everything younger than `historyMs`, but never more than `revisionsMax`.
 *
 * Pure: the owner notes the revision now and then and asks how far to compact.
 */
export interface RetentionOptions {
  /** Age in ms below which history is kept. */
  readonly historyMs: number;
  readonly revisionsMax: number;
}

export class Retention {
  readonly #options: RetentionOptions;
  #marks: { readonly atMs: number; readonly revision: number }[] = [];

  constructor(options: RetentionOptions) { this.#options = options; }

  /** Notes that `revision` is the newest at `nowMs` (monotonic) and answers the revision to compact to; 0: nothing to do. */
  note(nowMs: number, revision: number): number {
    if (this.#marks[this.#marks.length - 1]?.revision !== revision) this.#marks.push({ atMs: nowMs, revision });
    let target = revision - this.#options.revisionsMax;
    let passed = 0;
    while (passed < this.#marks.length && this.#marks[passed]!.atMs <= nowMs - this.#options.historyMs) {
      target = Math.max(target, this.#marks[passed]!.revision);
      passed++;
    }
    this.#marks.splice(0, passed);
    return Math.max(0, target);
  }
}
