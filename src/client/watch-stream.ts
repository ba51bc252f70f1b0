/**
 * Decodes a watch answer: JSON values separated by newlines, arriving in pieces of any size.
 *
 * Invariant: each byte is looked at once and copied at most once, however large a frame is or however many pieces it
 * comes in. A last frame without a newline counts only when it is complete JSON (the server was cut off otherwise).
 */

/** A frame longer than this is refused: the largest object is 1.5 MiB in storage, and its JSON a few times that. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

export class FrameTooLargeError extends Error {}

/** Splits at newlines; empty lines are left out. @throws FrameTooLargeError */
export async function* lines(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let open: Buffer[] = [];
  let openBytes = 0;
  for await (const piece of pieces) {
    let from = 0;
    for (;;) {
      const end = piece.indexOf(NEWLINE, from);
      if (end < 0) break;
      const rest = piece.subarray(from, end);
      from = end + 1;
      const line = openBytes === 0 ? rest : Buffer.concat([...open, rest], openBytes + rest.length);
      open = [];
      openBytes = 0;
      if (line.length > 0) yield line;
    }
    if (from < piece.length) {
      open.push(piece.subarray(from));
      openBytes += piece.length - from;
      if (openBytes > FRAME_BYTES_MAX) throw new FrameTooLargeError(`a watch frame is larger than ${FRAME_BYTES_MAX} bytes`);
    }
  }
  if (openBytes > 0) yield Buffer.concat(open, openBytes);
}

/** One frame of a watch, as sent. */
export interface WatchFrame { readonly type: string; readonly object: unknown }

export async function* watchFrames(pieces: AsyncIterable<Buffer>): AsyncGenerator<WatchFrame> {
  for await (const line of lines(pieces)) {
    let frame: WatchFrame;
    try {
      frame = JSON.parse(line.toString('utf8')) as WatchFrame;
    } catch {
      return; // cut off in the middle of a frame: the watch ended
    }
    yield frame;
  }
}
