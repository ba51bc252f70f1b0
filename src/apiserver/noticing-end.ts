/** Tells when a streamed body is over: read to its end, failed, or given up by its reader, also before the first piece. */

/** @param ended is called once. */
export function noticingEnd(body: AsyncIterable<Buffer>, ended: () => void): AsyncIterable<Buffer> {
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    ended();
  };
  return {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const piece = await inner.next();
            if (piece.done === true) end();
            return piece;
          } catch (error) {
            end();
            throw error;
          }
        },
        async return() {
          end();
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** A body that nobody will read: what it holds is let go. */
export async function discard(body: Buffer | AsyncIterable<Buffer>): Promise<void> {
  if (!Buffer.isBuffer(body)) await body[Symbol.asyncIterator]().return?.();
}
