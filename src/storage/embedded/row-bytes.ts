/** What a version costs in the file, closely: the measure of the quota. */
import type { Version } from '../mvcc/version.ts';

const PAGE_BYTES = 4096;
/** Fixed fields, LMDB's node headers and key of the head row. */
const HEAD_OVERHEAD_BYTES = 60;
const VALUE_OVERHEAD_BYTES = 20;
/** Larger values get pages of their own. */
const INLINE_BYTES_MAX = 2_020;

export function rowBytes(version: Pick<Version, 'key' | 'size'>): number {
  const head = HEAD_OVERHEAD_BYTES + version.key.length;
  if (version.size === 0) return head;
  if (version.size <= INLINE_BYTES_MAX) return head + version.size + VALUE_OVERHEAD_BYTES;
  return head + VALUE_OVERHEAD_BYTES + Math.ceil((version.size + 16) / PAGE_BYTES) * PAGE_BYTES;
}
