/**
 * Compaction of a store that several servers share: in each interval one of them does it.
 *
 * The servers compete for one key: whoever finds it as it left it (or as it saw it last) writes it and compacts; the others see
 * that somebody was faster and take that as their own turn. A server that dies is followed in the next interval.
 */
import type { StorageEngine } from './contract.ts';

export const COMPACTION_KEY = '/kubernode/compaction';

/** @param engine as it is but for `compact`, which is left out when another server has compacted since the last call. */
export function withSharedCompaction(engine: StorageEngine): StorageEngine {
  let seen = 0;
  return {
    ...engine,
    async compact(revision) {
      const value = Buffer.from(String(revision));
      const answer = await engine.write({ key: COMPACTION_KEY, value, expectedRevision: seen });
      seen = answer.ok ? answer.revision : answer.current?.modRevision ?? 0;
      if (answer.ok) await engine.compact(revision);
    },
  };
}
