/**
 * One line of a CRI log file: `2026-01-02T03:04:05.000000006Z stdout F text\n`; tag P: the text goes on in the next line.
 */

export interface CriLine {
  /** As written, RFC 3339 with nanoseconds. */
  time: string;
  stream: 'stdout' | 'stderr';
  partial: boolean;
  /** Without the line end. */
  text: Buffer;
}

const SPACE = 0x20;

/** Undefined for what is no such line. @param line without its newline. */
export function parseCriLine(line: Buffer): CriLine | undefined {
  const first = line.indexOf(SPACE);
  const second = first === -1 ? -1 : line.indexOf(SPACE, first + 1);
  if (second === -1) return undefined;
  const third = line.indexOf(SPACE, second + 1);
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tags = line.toString('latin1', second + 1, third === -1 ? line.length : third);
  return { time: line.toString('latin1', 0, first), stream, partial: tags.split(':')[0] === 'P', text: third === -1 ? Buffer.alloc(0) : line.subarray(third + 1) };
}
