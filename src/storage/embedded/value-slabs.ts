/**
 * Memory for values read from the file: many beside each other in one block, because a block of its own for each of 150,000
 * values costs more time and memory than the values themselves.
 *
 * A block goes when the last value in it is let go of; values that are large beside a block get their own.
 */

const SLAB_BYTES = 64 * 1024;
/** Larger values stand alone. */
const SHARED_BYTES_MAX = SLAB_BYTES / 8;

export class ValueSlabs {
  #slab = Buffer.alloc(0);
  #used = 0;

  /** A copy of the first `size` bytes (of all, where there are fewer): `source` may be used for the next value at once. */
  copyOf(source: Buffer, size: number): Buffer {
    const bytes = Math.min(size, source.length);
    // A view of its own: lmdb's buffer says a length that is not that of its memory.
    const view = new Uint8Array(source.buffer, source.byteOffset, bytes);
    if (bytes > SHARED_BYTES_MAX) return Buffer.from(view);
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    this.#slab.set(view, this.#used);
    const copy = this.#slab.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return copy;
  }
}
