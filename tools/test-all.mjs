/**
 * All suites one after another, each with its time, and at the end one line `N passed, N failed` over everything:
 * structural checks, unit, integration, reliability, end-to-end. `node tools/test-all.mjs unit integration` runs some of them.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const SUITES = {
  checks: { command: ['node', '--import', 'tsx', 'tools/check.ts', '--without=unit tests'], count: countChecks },
  unit: { command: ['node', 'tools/run-tests.mjs', 'src', 'tools'], count: countTests },
  integration: { command: ['node', 'tools/run-tests.mjs', '--jobs=1', '--test-timeout=300000', 'test/integration'], count: countTests, needs: 'test/integration' },
  reliability: { command: ['node', 'tools/run-tests.mjs', '--jobs=1', '--test-timeout=300000', 'test/reliability'], count: countTests, needs: 'test/reliability' },
  e2e: { command: ['node', 'tools/run-tests.mjs', '--jobs=1', '--test-timeout=900000', 'test/e2e'], count: countTests, needs: 'test/e2e' },
};

function countChecks(output) {
  return { passed: (output.match(/^ok {3}/gm) ?? []).length, failed: (output.match(/^FAIL /gm) ?? []).length, skipped: 0 };
}

function countTests(output) {
  const number = (name) => [...output.matchAll(new RegExp(`^(?:#|ℹ) ${name} (\\d+)$`, 'gm'))].reduce((sum, match) => sum + Number(match[1]), 0);
  return { passed: number('pass'), failed: number('fail') + number('cancelled'), skipped: number('skipped') };
}

function run(command) {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk; });
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** Of a test run only what failed is of interest. */
function failures(output) {
  const lines = output.split('\n');
  const shown = [];
  for (let i = 0; i < lines.length; i++) {
    if (/^\s*not ok /.test(lines[i])) shown.push(...lines.slice(i, i + 40), '');
    else if (/^FAIL /.test(lines[i])) shown.push(...lines.slice(i, i + 30), '');
  }
  return (shown.length > 0 ? shown : lines.slice(-60)).slice(0, 400).join('\n');
}

const wanted = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const [name, suite] of Object.entries(SUITES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (suite.needs !== undefined && !existsSync(suite.needs)) continue;
  const startedMs = performance.now();
  const { code, output } = await run(suite.command);
  const counts = suite.count(output);
  // A run that failed without naming a test (it crashed, or found none) is a failure all the same.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  for (const key of Object.keys(total)) total[key] += counts[key];
  console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  if (counts.failed > 0) console.log(failures(output));
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
