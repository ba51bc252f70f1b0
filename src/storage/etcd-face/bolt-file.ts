/**
 * A bbolt database file as it is read by etcd's own tools (`etcdctl snapshot status` and `restore`): written once, front to back, from
 * buckets whose entries come in key order and whose sizes are known before their values are read.
 *
 *     page 0, 1   the meta record, twice: where the root bucket is
 *     page 2      the free list: empty
 *     then        for each bucket its leaves in order, then its branches level by level; at the end the root bucket's leaf
 *
 * Numbers are little endian. A page: id u64 · flags u16 · count u16 · overflow u32, element heads, then keys and values. An entry larger
 * than a page has its leaf go on in the pages behind it.
 */

export interface BoltEntry { readonly key: Buffer; readonly valueBytes: number; readonly value: () => Buffer }
export interface BoltBucket { readonly name: string; readonly entries: readonly BoltEntry[] }

const PAGE_BYTES = 4096;
const PAGE_HEAD_BYTES = 16;
const ELEMENT_BYTES = 16;
const FLAG = { branch: 1, leaf: 2, meta: 4, freelist: 16 } as const;
const BUCKET_ELEMENT = 1;
const FREELIST_PAGE = 2;
const MAGIC = 0xed0cdaed;
const VERSION = 2;
const META_BYTES = 64;

interface Plan { readonly id: number; readonly pages: number; readonly firstKey: Buffer }
interface LeafPlan extends Plan { readonly from: number; readonly to: number }
interface BranchPlan extends Plan { readonly children: readonly Plan[] }
interface BucketPlan { readonly leaves: readonly LeafPlan[]; readonly branches: readonly BranchPlan[]; readonly root: number }

/** The file in pieces; a piece is one page with what belongs to it. */
export function* boltFile(buckets: readonly BoltBucket[]): Generator<Buffer, void, undefined> {
  let nextId = FREELIST_PAGE + 1;
  const allocate = (pages: number): number => { nextId += pages; return nextId - pages; };
  const sorted = [...buckets].sort((a, b) => (a.name < b.name ? -1 : 1));
  const plans = sorted.map((bucket) => planBucket(bucket.entries, allocate));
  const roots = sorted.map(({ name }, i): BoltEntry => ({ key: Buffer.from(name), valueBytes: 16, value: () => bucketHeader(plans[i]!.root) }));
  const root = planBucket(roots, allocate);
  for (const id of [0, 1]) yield metaPage(id, root.root, nextId);
  yield page(FREELIST_PAGE, FLAG.freelist, 0, 1);
  for (const [i, plan] of plans.entries()) yield* bucketPages(plan, sorted[i]!.entries, 0);
  yield* bucketPages(root, roots, BUCKET_ELEMENT);
}

function planBucket(entries: readonly BoltEntry[], allocate: (pages: number) => number): BucketPlan {
  const leaves: LeafPlan[] = [];
  let from = 0;
  do {
    let bytes = PAGE_HEAD_BYTES;
    let to = from;
    for (; to < entries.length; to++) {
      const { key, valueBytes } = entries[to]!;
      const more = ELEMENT_BYTES + key.length + valueBytes;
      if (to > from && bytes + more > PAGE_BYTES) break;
      bytes += more;
    }
    const pages = Math.ceil(bytes / PAGE_BYTES);
    leaves.push({ id: allocate(pages), pages, firstKey: entries[from]?.key ?? Buffer.alloc(0), from, to });
    from = to;
  } while (from < entries.length);
  const branches: BranchPlan[] = [];
  let level: readonly Plan[] = leaves;
  while (level.length > 1) {
    const above: BranchPlan[] = [];
    for (let at = 0; at < level.length;) {
      const children: Plan[] = [];
      for (let bytes = PAGE_HEAD_BYTES; at < level.length; at++) {
        bytes += ELEMENT_BYTES + level[at]!.firstKey.length;
        if (bytes > PAGE_BYTES && children.length > 1) break;
        children.push(level[at]!);
      }
      above.push({ id: allocate(1), pages: 1, firstKey: children[0]!.firstKey, children });
    }
    branches.push(...above);
    level = above;
  }
  return { leaves, branches, root: level[0]!.id };
}

function* bucketPages({ leaves, branches }: BucketPlan, entries: readonly BoltEntry[], elementFlags: number): Generator<Buffer, void, undefined> {
  for (const { id, pages, from, to } of leaves) {
    const made = page(id, FLAG.leaf, to - from, pages);
    let dataAt = PAGE_HEAD_BYTES + (to - from) * ELEMENT_BYTES;
    for (let i = from; i < to; i++) {
      const { key, value } = entries[i]!;
      const bytes = value();
      const at = PAGE_HEAD_BYTES + (i - from) * ELEMENT_BYTES;
      made.writeUInt32LE(elementFlags, at);
      made.writeUInt32LE(dataAt - at, at + 4);
      made.writeUInt32LE(key.length, at + 8);
      made.writeUInt32LE(bytes.length, at + 12);
      dataAt += key.copy(made, dataAt);
      dataAt += bytes.copy(made, dataAt);
    }
    yield made;
  }
  for (const { id, children } of branches) {
    const made = page(id, FLAG.branch, children.length, 1);
    let dataAt = PAGE_HEAD_BYTES + children.length * ELEMENT_BYTES;
    children.forEach((child, i) => {
      const at = PAGE_HEAD_BYTES + i * ELEMENT_BYTES;
      made.writeUInt32LE(dataAt - at, at);
      made.writeUInt32LE(child.firstKey.length, at + 4);
      writeUInt64(made, child.id, at + 8);
      dataAt += child.firstKey.copy(made, dataAt);
    });
    yield made;
  }
}

function page(id: number, flags: number, count: number, pages: number): Buffer {
  const made = Buffer.alloc(pages * PAGE_BYTES);
  writeUInt64(made, id, 0);
  made.writeUInt16LE(flags, 8);
  made.writeUInt16LE(count, 10);
  made.writeUInt32LE(pages - 1, 12);
  return made;
}

function bucketHeader(root: number): Buffer {
  const header = Buffer.alloc(16);
  writeUInt64(header, root, 0);
  return header;
}

function metaPage(id: number, root: number, pages: number): Buffer {
  const made = page(id, FLAG.meta, 0, 1);
  const meta = made.subarray(PAGE_HEAD_BYTES, PAGE_HEAD_BYTES + META_BYTES);
  meta.writeUInt32LE(MAGIC, 0);
  meta.writeUInt32LE(VERSION, 4);
  meta.writeUInt32LE(PAGE_BYTES, 8);
  writeUInt64(meta, root, 16);
  writeUInt64(meta, FREELIST_PAGE, 32);
  writeUInt64(meta, pages, 40);
  writeUInt64(meta, id, 48);
  meta.writeBigUInt64LE(fnv1a64(meta.subarray(0, 56)), 56);
  return made;
}

function writeUInt64(target: Buffer, value: number, at: number): void { target.writeBigUInt64LE(BigInt(value), at); }

function fnv1a64(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
