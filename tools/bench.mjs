/**
 * `npm run bench`: builds the product and the benchmarks, which are bundled as the product is, so that no transpiler's traces are
 * measured, and runs them. What can be asked for stands in `test/bench/main.ts`.
 */
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.chdir(join(import.meta.dirname, '..'));
if (spawnSync(process.execPath, ['tools/build.mjs', '--if-stale'], { stdio: 'inherit' }).status !== 0) process.exit(1);
const outfile = `node_modules/.cache/kubernode-bench/main-${process.pid}.mjs`;
process.on('exit', () => rmSync(outfile, { force: true }));
await build({ entryPoints: ['test/bench/main.ts'], outfile, bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20', logLevel: 'error' });
await import(pathToFileURL(outfile).href);
