/**
 * Bundles the product: `dist/kubernode.js` (the CLI and every component, split so that a command loads only what it needs) and
 * `dist/testing.js` with its types. `--if-stale` does nothing when no source is newer than the bundle.
 */
import { build } from 'esbuild';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { spawnSync } from 'node:child_process';

const STAMP = 'dist/.built';

function newestBelow(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestBelow(join(path, name))));
}

function declarationsBelow(path) {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? declarationsBelow(join(path, entry.name)) : [join(path, entry.name)]));
}

/** `#room/x` means a path of this repository; whoever uses the package has only the declarations beside each other. */
function withRelativeImports(text, file, root) {
  return text.replace(/(['"])#([\w-]+\/[^'"]+)\1/g, (_match, quote, path) => {
    const target = relative(dirname(file), join(root, path)).replaceAll('\\', '/');
    return `${quote}${target.startsWith('.') ? target : `./${target}`}.js${quote}`;
  });
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
  const types = join(OUT, 'types');
  const run = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json', '--outDir', types], { stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
  for (const file of declarationsBelow(types)) writeFileSync(file, withRelativeImports(readFileSync(file, 'utf8'), file, types));
}
rmSync('dist', { recursive: true, force: true });
renameSync(OUT, 'dist');
spawnSync(process.execPath, ['--import', 'tsx', 'tools/generate/descriptions.ts'], { stdio: 'inherit' });
writeFileSync(STAMP, '');
