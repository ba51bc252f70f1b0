/**
 * Finds where the last N lines of a log file begin, reading backwards.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { parseCriLine } from './cri-line.ts';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const PARTIAL_MARK = Buffer.from(' P ');

/** Offset at which the last `lines` whole lines (partial ones joined) start; 0: the whole file. */
export async function tailOffset(handle: FileHandle, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  let found = 0;
  let end = size;
  // A line ends at a newline whose record is not partial; records are looked at from the last one on.
  let recordEnd = size;
  let first = true;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const chunk = Buffer.alloc(end - start);
    await handle.read(chunk, 0, chunk.length, start);
    for (let i = chunk.length - 1; i >= 0; i--) {
      if (chunk[i] !== NEWLINE) continue;
      const at = start + i;
      if (first) { first = false; if (at === size - 1) { recordEnd = at; if (await endsLine(handle, at)) found++; continue; } }
      if (await endsLine(handle, at)) found++;
      if (found > lines) return at + 1;
      recordEnd = at;
    }
    end = start;
  }
  return recordEnd === -1 ? size : 0;
}

/** Whether the record that ends at the newline `at` is a full line. */
async function endsLine(handle: FileHandle, at: number): Promise<boolean> {
  // The tag stands within the first bytes of the record, which is at most one runtime line (16 KiB) long.
  const start = Math.max(0, at - 20 * 1024);
  const back = Buffer.alloc(at - start);
  await handle.read(back, 0, back.length, start);
  const record = back.subarray(back.lastIndexOf(NEWLINE) + 1);
  return record.subarray(0, 64).indexOf(PARTIAL_MARK) === -1;
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
    for (const line of buffer.toString('latin1').split('\n')) {
      const parsed = parseCriLine(Buffer.from(line, 'latin1'));
      if (parsed !== undefined) text += parsed.text.toString() + (parsed.partial ? '' : '\n');
    }
    return text.length > bytesMax ? text.slice(-bytesMax) : text;
  } finally {
    await handle.close();
  }
}
