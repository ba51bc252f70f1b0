/**
 * Runs `*.test.ts` below the given folders (or the given files) with node's test runner: `node tools/run-tests.mjs src/base`.
 * Two files at a time (`--jobs=N`); the exit code is the runner's.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const options = process.argv.slice(2).filter((word) => word.startsWith('--'));
const roots = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const jobs = options.find((word) => word.startsWith('--jobs='))?.slice(7) ?? '2';

function testsBelow(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => {
    const inner = join(path, name);
    if (statSync(inner).isDirectory()) return name === 'node_modules' ? [] : testsBelow(inner);
    return name.endsWith('.test.ts') ? [inner] : [];
  });
}

const files = (roots.length > 0 ? roots : ['src']).flatMap(testsBelow);
if (files.length === 0) {
  console.error(`no *.test.ts below ${roots.join(', ')}`);
  process.exit(1);
}
const passOn = options.filter((word) => !word.startsWith('--jobs='));
const run = spawnSync(process.execPath,
  ['--import', 'tsx', '--test', `--test-concurrency=${jobs}`, '--test-timeout=120000', ...passOn, ...files], { stdio: 'inherit' });
process.exit(run.status ?? 1);
