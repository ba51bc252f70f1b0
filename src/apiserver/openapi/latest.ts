/**
 * Something that takes time to make, kept until what it is made of is another.
 *
 * Invariant: who asks gets what is made of a source no older than the question. One is made at a time; all who ask meanwhile and
 * cannot have the one under way share the next.
 */

export type Latest<T> = () => Promise<T>;

interface Kept<S, T> { readonly source: S; readonly made: Promise<T>; over: boolean }

/** @param source the same as long as nothing has changed */
export function latest<S, T>(source: () => S, make: (from: S) => Promise<T>): Latest<T> {
  let kept: Kept<S, T> | undefined;
  let next: Promise<T> | undefined;

  function start(): Promise<T> {
    const from = source();
    const made = make(from);
    const own: Kept<S, T> = { source: from, made, over: false };
    kept = own;
    made.then(() => { own.over = true; }, () => { if (kept === own) kept = undefined; });
    return made;
  }

  return () => {
    if (kept === undefined) return start();
    if (kept.source === source()) return kept.made;
    if (kept.over) return start();
    next ??= kept.made.catch(() => undefined).then(() => {
      next = undefined;
      return kept !== undefined && kept.source === source() ? kept.made : start();
    });
    return next;
  };
}
