/**
 * Bundles the product: `dist/kubernode.js` (the CLI and every component, split so that a command loads only what it needs) and
 * `dist/testing.js` with its types. `--if-stale` does nothing when no source is newer than the bundle.
 */
import { build } from 'esbuild';
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';

const STAMP = 'dist/.built';

function newestBelow(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestBelow(join(path, name))));
}

if (process.argv.includes('--if-stale') && existsSync(STAMP)) {
  const newest = Math.max(newestBelow('src'), newestBelow('package.json'), newestBelow('tools/build.mjs'));
  if (newest <= statSync(STAMP).mtimeMs) process.exit(0);
}

// Beside the bundle that stands, which a failed build leaves alone.
const OUT = 'dist.new';
rmSync(OUT, { recursive: true, force: true });
const entries = { kubernode: 'src/cmd/main.ts' };
if (existsSync('src/cmd/testing.ts')) entries.testing = 'src/cmd/testing.ts';
await build({
  entryPoints: entries,
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['lmdb'],
  sourcemap: 'linked',
  sourcesContent: false,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Bundled CommonJS packages call require() of node's own modules.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
if (process.argv.includes('--types')) {
  spawnSync('node_modules/.bin/tsc', ['--noEmit', 'false', '--emitDeclarationOnly', '--declaration', '--outDir', join(OUT, 'types'), '--rootDir', 'src'], { stdio: 'inherit' });
}
rmSync('dist', { recursive: true, force: true });
renameSync(OUT, 'dist');
spawnSync(process.execPath, ['--import', 'tsx', 'tools/generate/descriptions.ts'], { stdio: 'inherit' });
writeFileSync(STAMP, '');
