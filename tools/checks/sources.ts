/** The source files of the repository with what they import: what every structural check reads. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the repository root; undefined for packages and node's own modules. */
  readonly target: string | undefined;
  readonly line: number;
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** From the repository root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly imports: readonly Import[];
  readonly isTest: boolean;
  readonly isGenerated: boolean;
}

/** A fault that one check found; `fix` says what to do instead. */
export interface Finding { readonly path: string; readonly line: number; readonly message: string; readonly fix: string }

const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]|(?:\bimport\(\s*['"]([^'"]+)['"]\s*\))/g;

export function readSources(roots: readonly string[] = ['src', 'test', 'tools']): SourceFile[] {
  return roots.flatMap(filesBelow).map(readSource);
}

function filesBelow(path: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(path).sort()) {
    const inner = `${path}/${name}`;
    if (statSync(inner).isDirectory()) { if (name !== 'node_modules') found.push(...filesBelow(inner)); }
    else if (/\.(ts|mjs)$/.test(name)) found.push(inner);
  }
  return found;
}

function readSource(path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  const imports: Import[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[2] ?? match[3]!;
    const line = text.slice(0, match.index + match[0].length).split('\n').length;
    imports.push({ specifier, target: resolveImport(path, specifier), line, typeOnly: match[1] !== undefined });
  }
  return {
    path, text, imports, lines: text.split('\n'),
    isTest: /\.test\.ts$/.test(path) || path.startsWith('test/') || path.includes('/testing/'),
    isGenerated: path.includes('/generated/'),
  };
}

/** `#room/x` → `src/room/x.ts`; `./x.ts` → beside the importer. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}.ts`;
  if (specifier.startsWith('.')) return normalize(join(dirname(from), specifier));
  return undefined;
}

/** `src/apiserver/store/x.ts` → `apiserver`; undefined outside `src`. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}
