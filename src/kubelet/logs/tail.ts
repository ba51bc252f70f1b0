/**
 * Finds where the last N lines of a log file begin, reading backwards. A line may be several records (tag P, then F).
 */
import { open, type FileHandle } from 'node:fs/promises';
import { parseCriLine } from './cri-line.ts';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** @returns the offset at which the last `lines` lines start; 0: the whole file. */
export async function tailOffset(handle: FileHandle, size: number, lines: number): Promise<number> {
  if (lines <= 0) return size;
  let full = 0;
  let end = size;
  /** The start of the record whose beginning lies in an earlier chunk. */
  let carry = Buffer.alloc(0);
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const chunk = Buffer.alloc(end - start);
    await handle.read(chunk, 0, chunk.length, start);
    const data = Buffer.concat([chunk, carry]);
    let recordEnd = data.length;
    for (let at = data.lastIndexOf(NEWLINE, recordEnd - 1); at !== -1; at = at === 0 ? -1 : data.lastIndexOf(NEWLINE, at - 1)) {
      const record = data.subarray(at + 1, recordEnd);
      if (record.length > 0 && parseCriLine(withoutEnd(record))?.partial !== true) {
        if (full === lines) return start + recordEnd;
        full++;
      }
      recordEnd = at + 1;
    }
    carry = Buffer.from(data.subarray(0, recordEnd));
    end = start;
  }
  if (full === lines && carry.length > 0 && parseCriLine(withoutEnd(carry))?.partial !== true) return carry.length;
  return 0;
}

function withoutEnd(record: Buffer): Buffer {
  return record.at(-1) === NEWLINE ? record.subarray(0, -1) : record;
}

/** The text of the last lines, at most `bytesMax` of it. */
export async function tailOfLog(path: string, lines: number, bytesMax: number): Promise<string> {
  if (path === '') return '';
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const offset = Math.max(await tailOffset(handle, size, lines), size - 4 * bytesMax - 64 * lines, 0);
    const buffer = Buffer.alloc(size - offset);
    await handle.read(buffer, 0, buffer.length, offset);
    let text = '';
    for (let at = 0; at < buffer.length;) {
      const next = buffer.indexOf(NEWLINE, at);
      const parsed = parseCriLine(buffer.subarray(at, next === -1 ? buffer.length : next));
      if (parsed !== undefined) text += parsed.text.toString() + (parsed.partial ? '' : '\n');
      at = next === -1 ? buffer.length : next + 1;
    }
    return text.length > bytesMax ? text.slice(-bytesMax) : text;
  } finally {
    await handle.close();
  }
}
