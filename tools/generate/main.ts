/** `npm run generate` writes every generated file; with `--check` it only says which are out of date and exits 1. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generateApiTypes } from './api-types.ts';

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [path, content] of generateApiTypes()) {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
if (check && stale.length > 0) {
  console.error(`generated files are out of date:\n  ${stale.join('\n  ')}\nrun: npm run generate`);
  process.exitCode = 1;
} else {
  console.log(stale.length === 0 ? 'generated files are current' : `wrote ${stale.length} files`);
}
