/** A pause that lets others run: for long work done in slices. Independent of the clock: no time passes. */

/** Resolves on a later turn of the event loop, after I/O that is already due. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}
