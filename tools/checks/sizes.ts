/**
 * Files stay small. Those that are larger stand in `tools/checks/large-files.txt` with their number of lines, a list that may
 * only shrink: `node --import tsx tools/check.ts --fix-sizes` lowers the numbers and drops what has become small, never raises.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Finding, SourceFile } from './sources.ts';

const FILE_LINES_MAX = 430;
const LIST = 'tools/checks/large-files.txt';

export function checkSizes(files: readonly SourceFile[], options: { fix: boolean }): Finding[] {
  const listed = readList();
  const large = files.filter((file) => !file.isGenerated && !file.isTest && file.lines.length > FILE_LINES_MAX);
  if (options.fix) {
    const kept = large.filter((file) => listed.has(file.path))
      .map((file) => `${file.path} ${Math.min(file.lines.length, listed.get(file.path)!)}`);
    writeFileSync(LIST, kept.length === 0 ? '' : `${kept.join('\n')}\n`);
  }
  return large.filter((file) => file.lines.length > (listed.get(file.path) ?? FILE_LINES_MAX)).map((file) => ({
    path: file.path, line: 1, message: `${file.lines.length} lines (at most ${listed.get(file.path) ?? FILE_LINES_MAX})`,
    fix: 'split it by responsibility: one noun, one file',
  }));
}

function readList(): Map<string, number> {
  if (!existsSync(LIST)) return new Map();
  return new Map(readFileSync(LIST, 'utf8').split('\n').filter((line) => line !== '').map((line) => {
    const [path, lines] = line.split(' ') as [string, string];
    return [path, Number(lines)];
  }));
}
