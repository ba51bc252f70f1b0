/** The difference of two objects as a unified diff of their indented JSON, for messages that say what may not change. */

const CONTEXT_LINES = 3;
/** Above this the middle parts are shown whole instead of aligned line by line. */
const ALIGN_CELLS_MAX = 4_000_000;

type Op = readonly [kind: ' ' | '-' | '+', line: string];

export function unifiedDiff(old: unknown, now: unknown): string {
  const ops = align(lines(old), lines(now));
  const changed = ops.flatMap(([kind], index) => (kind === ' ' ? [] : [index]));
  const hunks: [number, number][] = [];
  for (const index of changed) {
    const last = hunks.at(-1);
    if (last && index - CONTEXT_LINES <= last[1]) last[1] = index + 1 + CONTEXT_LINES;
    else hunks.push([Math.max(0, index - CONTEXT_LINES), index + 1 + CONTEXT_LINES]);
  }
  return hunks.map(([from, to]) => printHunk(ops, from, Math.min(to, ops.length))).join('');
}

function lines(value: unknown): string[] {
  return JSON.stringify(value ?? null, undefined, 1).split('\n');
}

function printHunk(ops: readonly Op[], from: number, to: number): string {
  const count = (kind: '-' | '+', start: number, end: number): number => ops.slice(start, end).filter(([own]) => own === ' ' || own === kind).length;
  const range = (kind: '-' | '+'): string => {
    const length = count(kind, from, to);
    const start = count(kind, 0, from) + (length === 0 ? 0 : 1);
    return length === 1 ? String(start) : `${start},${length}`;
  };
  return `@@ -${range('-')} +${range('+')} @@\n${ops.slice(from, to).map(([kind, line]) => `${kind}${line}\n`).join('')}`;
}

/** Equal ends are kept; between them the longest common subsequence. */
function align(old: readonly string[], now: readonly string[]): Op[] {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let oldEnd = old.length;
  let nowEnd = now.length;
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
    oldEnd -= 1;
    nowEnd -= 1;
  }
  return [
    ...old.slice(0, start).map((line): Op => [' ', line]),
    ...alignMiddle(old.slice(start, oldEnd), now.slice(start, nowEnd)),
    ...old.slice(oldEnd).map((line): Op => [' ', line]),
  ];
}

function alignMiddle(old: readonly string[], now: readonly string[]): Op[] {
  const removed = old.map((line): Op => ['-', line]);
  const added = now.map((line): Op => ['+', line]);
  if (old.length === 0 || now.length === 0 || old.length * now.length > ALIGN_CELLS_MAX) return [...removed, ...added];
  const width = now.length + 1;
  const best = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      best[i * width + j] = old[i] === now[j] ? best[(i + 1) * width + j + 1]! + 1 : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
    }
  }
  const ops: Op[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      ops.push([' ', old[i]!]);
      i += 1;
      j += 1;
    } else if (best[(i + 1) * width + j]! >= best[i * width + j + 1]!) {
      ops.push(removed[i]!);
      i += 1;
    } else {
      ops.push(added[j]!);
      j += 1;
    }
  }
  return [...ops, ...removed.slice(i), ...added.slice(j)];
}
