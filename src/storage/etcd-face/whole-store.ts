/** Walks over all keys of a store at one revision, in slices that leave time for others. The caller pins the revision. */
import { nextTurn } from '#base/turn';
import type { Keyspace } from '../mvcc/keyspace.ts';
import type { Version } from '../mvcc/version.ts';

/** A few ms of looking, sorting or encoding. */
const SLICE_ITEMS = 4_000;

/** In key order; a slice is the caller's own. */
export async function* versionSlices(keyspace: Keyspace, revision: number): AsyncGenerator<Version[], void, undefined> {
  for (let from = ''; ;) {
    const some = keyspace.scan(from, '\u{10ffff}', revision, SLICE_ITEMS);
    const last = some.length < SLICE_ITEMS ? undefined : some[some.length - 1]!.key;
    if (some.length > 0) yield some;
    if (last === undefined) return;
    from = `${last}\0`;
    await nextTurn();
  }
}

/** In the order they were written: slices are sorted, and merged as they are taken. */
export async function* versionsByRevision(keyspace: Keyspace, revision: number): AsyncGenerator<Version[], void, undefined> {
  const runs: { readonly versions: Version[]; at: number }[] = [];
  for await (const versions of versionSlices(keyspace, revision)) runs.push({ versions: versions.sort(byRevision), at: 0 });
  let merged: Version[] = [];
  for (;;) {
    let first: (typeof runs)[number] | undefined;
    for (const run of runs) {
      if (run.at < run.versions.length && (first === undefined || byRevision(run.versions[run.at]!, first.versions[first.at]!) < 0)) first = run;
    }
    if (first !== undefined) merged.push(first.versions[first.at++]!);
    if (merged.length === SLICE_ITEMS || (first === undefined && merged.length > 0)) {
      yield merged;
      merged = [];
      await nextTurn();
    }
    if (first === undefined) return;
  }
}

function byRevision(a: Version, b: Version): number { return a.modRevision - b.modRevision || a.revision - b.revision; }
