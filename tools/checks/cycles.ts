/** No import cycles: finds the strongly connected groups of files (Tarjan) and names one way round each. */
import type { Finding, SourceFile } from './sources.ts';

export function checkCycles(files: readonly SourceFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const findings: Finding[] = [];

  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path)!);
    stack.push(path);
    onStack.add(path);
    for (const { target } of byPath.get(path)!.imports) {
      if (target === undefined || !byPath.has(target)) continue;
      if (!index.has(target)) {
        visit(target);
        low.set(path, Math.min(low.get(path)!, low.get(target)!));
      } else if (onStack.has(target)) {
        low.set(path, Math.min(low.get(path)!, index.get(target)!));
      }
    }
    if (low.get(path) !== index.get(path)) return;
    const group: string[] = [];
    for (;;) {
      const member = stack.pop()!;
      onStack.delete(member);
      group.push(member);
      if (member === path) break;
    }
    if (group.length > 1) {
      findings.push({
        path, line: 1, message: `import cycle of ${group.length} files: ${group.reverse().join(' → ')}`,
        fix: 'move the type or function that both need into a file of its own below them',
      });
    }
  };
  for (const file of files) if (!index.has(file.path)) visit(file.path);
  return findings;
}
