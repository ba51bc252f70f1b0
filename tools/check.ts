/**
 * `npm run check`: everything that must hold of the code, one line a check, each fault with what to do about it.
 * `--only types,layers` runs some; `--fix` runs the fixing twin of each check that has one first.
 */
import { spawnSync } from 'node:child_process';
import { checkBans } from './checks/bans.ts';
import { checkCycles } from './checks/cycles.ts';
import { checkDocs } from './checks/docs.ts';
import { checkLayers } from './checks/layers.ts';
import { checkSizes } from './checks/sizes.ts';
import { readSources, type Finding } from './checks/sources.ts';

interface Check {
  readonly name: string;
  run(): readonly Finding[] | { readonly ok: boolean; readonly output: string };
  fix?(): void;
}

const command = (...words: string[]): { ok: boolean; output: string } => {
  const run = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8', env: { ...process.env, npm_config_loglevel: 'silent' } });
  return { ok: run.status === 0, output: `${run.stdout}${run.stderr}` };
};

const fixWanted = process.argv.includes('--fix');
const only = process.argv.find((word) => word.startsWith('--only='))?.slice(7).split(',');
const without = process.argv.find((word) => word.startsWith('--without='))?.slice(10).split(',') ?? [];
const sources = readSources();

const checks: readonly Check[] = [
  { name: 'generated', run: () => command('node', '--import', 'tsx', 'tools/generate/main.ts', '--check'), fix: () => { command('node', '--import', 'tsx', 'tools/generate/main.ts'); } },
  { name: 'types', run: () => command('node_modules/.bin/tsc', '--noEmit') },
  { name: 'lint', run: () => command('node_modules/.bin/oxlint', '--deny-warnings', 'src', 'test', 'tools'), fix: () => { command('node_modules/.bin/oxlint', '--fix', 'src', 'test', 'tools'); } },
  { name: 'layers', run: () => checkLayers(sources) },
  { name: 'cycles', run: () => checkCycles(sources) },
  { name: 'bans', run: () => checkBans(sources) },
  { name: 'sizes', run: () => checkSizes(sources, { fix: false }), fix: () => { checkSizes(sources, { fix: true }); } },
  { name: 'docs', run: () => checkDocs() },
  { name: 'dead code', run: () => command('node_modules/.bin/knip', '--no-progress') },
  { name: 'unit tests', run: () => command('node', 'tools/run-tests.mjs', '--test-reporter=dot', 'src', 'tools') },
];

let failed = 0;
for (const check of checks) {
  if ((only !== undefined && !only.includes(check.name)) || without.includes(check.name)) continue;
  if (fixWanted) check.fix?.();
  const startedMs = performance.now();
  const result = check.run();
  const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
  const ok = 'ok' in result ? result.ok : result.length === 0;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${check.name} (${tookS} s)`);
  if (ok) continue;
  failed++;
  if ('ok' in result) console.log(indent(result.output));
  else for (const { path, line, message, fix } of result) console.log(indent(`${path}:${line}: ${message}. Instead: ${fix}.`));
  if (check.fix !== undefined && !fixWanted) console.log(indent('npm run check -- --fix may mend it'));
}
console.log(failed === 0 ? 'all checks hold' : `${failed} of the checks fail`);
process.exitCode = failed === 0 ? 0 : 1;

function indent(text: string): string {
  return text.trimEnd().split('\n').map((line) => `     ${line}`).join('\n');
}
