/**
 * An abort signal that is made only when somebody asks for it: most requests are answered before anyone would listen.
 */
export class LazyAbort {
  #controller: AbortController | undefined;
  #aborted = false;
  #reason: unknown;
  readonly #parent: (() => AbortSignal) | undefined;
  #leaveParent: (() => void) | undefined;

  /** @param parent whose abort is passed on; asked for when the signal is. */
  constructor(parent?: () => AbortSignal) { this.#parent = parent; }

  get aborted(): boolean { return this.#aborted || this.#controller?.signal.aborted === true; }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    if (this.#aborted) controller.abort(this.#reason);
    const parent = this.#parent?.();
    if (parent?.aborted === true) controller.abort(parent.reason);
    else if (parent !== undefined) {
      const onAbort = (): void => controller.abort(parent.reason);
      parent.addEventListener('abort', onAbort, { once: true });
      this.#leaveParent = () => parent.removeEventListener('abort', onAbort);
    }
    return controller.signal;
  }

  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** The work is done: the parent need not tell any more. */
  leave(): void { this.#leaveParent?.(); }
}
