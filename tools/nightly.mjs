/**
 * `npm run test:nightly`: the reliability runs in their nightly sizes, one after another, with what each says of itself, and at
 * the end one line a run, with its figures, and `N passed, N failed`.
 *
 *     npm run test:nightly -- --only R2,R5     some of them
 *     npm run test:nightly -- --scale 0.05     all of them in a twentieth of their size
 */
import { spawn } from 'node:child_process';

const RUNS = [
  { id: 'R1', what: 'store killed under load', file: 'src/storage/embedded/kill.test.ts', sizes: { KILLS: 1_000 } },
  { id: 'R2', what: 'API server killed under load', file: 'test/reliability/server-kill.test.ts', sizes: { SERVER_KILLS: 500 }, fixed: { BULK_OBJECTS: 10_000 } },
  { id: 'R3', what: 'power cuts', file: 'test/integration/storage-power-cut.test.ts', sizes: { POWER_CUTS: 5_000 } },
  { id: 'R4', what: 'watch rules', file: 'test/reliability/watch-rules.test.ts', sizes: { WATCH_EVENTS: 10_000_000 } },
  { id: 'R5', what: 'strict serializability', file: 'test/reliability/strict-serializability.test.ts', sizes: { OPERATIONS: 1_000_000 } },
  { id: 'R6', what: 'resume after restart', file: 'test/reliability/resume.test.ts', sizes: { RESTARTS: 50 }, fixed: { WATCHERS: 1_000 } },
  { id: 'R7', what: 'slow watchers', file: 'test/reliability/slow-watchers.test.ts', sizes: { STALL_EVENTS: 10_000 }, fixed: { STALLED_WATCHERS: 200 } },
  { id: 'R8', what: 'compaction races', file: 'test/reliability/compaction.test.ts', sizes: { COMPACTIONS: 10_000 } },
  { id: 'R8', what: 'killed while compacting', file: 'test/reliability/compaction-kill.test.ts', sizes: { COMPACTION_KILLS: 200 } },
  { id: 'R9', what: 'fresh reads', file: 'test/reliability/fresh-reads.test.ts', sizes: { FRESH_READS: 100_000 } },
  { id: 'R10', what: 'paged lists', file: 'test/reliability/paged-lists.test.ts', sizes: { PAGED_LISTS: 1_000 } },
  { id: 'R11', what: 'full disk', file: 'test/integration/storage-disk-full.test.ts', sizes: { DISK_FULL_CYCLES: 20 } },
  { id: 'R12', what: 'quota, and a reader that is held', file: 'test/reliability/quota.test.ts', sizes: { HELD_SECONDS: 600 } },
  { id: 'R13', what: 'I/O errors', file: 'test/integration/storage-io-error.test.ts', sizes: { IO_ERRORS: 200 } },
  { id: 'R14', what: 'bit rot', file: 'test/integration/storage-bit-rot.test.ts', sizes: { BIT_FLIPS: 1_000 } },
  { id: 'R15', what: 'undecodable objects', file: 'test/reliability/undecodable.test.ts', sizes: {} },
  { id: 'R16', what: 'backups under load', file: 'test/reliability/backup.test.ts', sizes: { BACKUPS: 100, BACKUP_OBJECTS: 100_000 } },
  { id: 'R17', what: 'etcd members killed and frozen', file: 'src/storage/etcd/fail-over.test.ts', sizes: { ETCD_FAULTS: 100 } },
  { id: 'R17', what: 'quorum lost', file: 'test/reliability/quorum-loss.test.ts', sizes: { QUORUM_LOSS_SECONDS: 60 } },
  { id: 'R18', what: 'two API servers on one etcd', file: 'test/reliability/two-servers.test.ts', sizes: { TWO_SERVER_OPERATIONS: 100_000 } },
  { id: 'D9', what: 'planted bugs', file: 'test/reliability/checkers/checkers.test.ts', sizes: {} },
];

const TEST_TIMEOUT_MS = 6 * 3600_000;
const PROGRESS_MS = 60_000;
/** Of a run, in its closing line. */
const FIGURES_MAX = 12;

const option = (name) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? undefined : process.argv[at + 1]; };
const only = option('only')?.split(',');
const scale = Number(option('scale') ?? 1);
if (!(scale > 0 && scale <= 1)) { console.error('--scale takes a number above 0, at most 1'); process.exit(2); }
const known = new Set(RUNS.map((run) => run.id));
for (const id of only ?? []) if (!known.has(id)) { console.error(`there is no run ${id}: ${[...known].join(', ')}`); process.exit(2); }

const seconds = (sinceMs) => ((performance.now() - sinceMs) / 1000).toFixed(0);

function environmentOf({ sizes, fixed = {} }) {
  const scaled = Object.entries(sizes).map(([name, size]) => [name, Math.max(1, Math.ceil(size * scale))]);
  return Object.fromEntries([...scaled, ...Object.entries(fixed)].map(([name, size]) => [`KUBERNODE_${name}`, String(size)]));
}

/** Runs one file; prints the lines that say something while it goes on. */
function execute(run) {
  const environment = environmentOf(run);
  const startedMs = performance.now();
  console.log(`\n${run.id} ${run.what}${Object.entries(environment).map(([name, size]) => ` ${name}=${size}`).join('')}`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--test', '--test-reporter=tap', '--test-force-exit', `--test-timeout=${TEST_TIMEOUT_MS}`, run.file], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    const ticking = setInterval(() => console.log(`   … ${seconds(startedMs)} s`), PROGRESS_MS);
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const failure = [];
    const figures = [];
    let partial = '';
    const take = (line) => {
      const count = /^# (pass|fail|cancelled|skipped) (\d+)$/.exec(line);
      if (count !== null) counts[{ pass: 'passed', fail: 'failed', cancelled: 'failed', skipped: 'skipped' }[count[1]]] += Number(count[2]);
      else if (/^\s*(not )?ok /.test(line)) console.log(`   ${line.trim()}`);
      else if (/^\s*# (?!Subtest|tests|suites|todo|duration_ms)/.test(line)) {
        console.log(`   ${line.trim()}`);
        const said = line.trim().slice(2);
        if (!/^seed /.test(said)) figures.push(said);
      } else if (/^\s+(error|text|stack|expected|actual|rule):|^\s+at /.test(line) || failure.length > 0) failure.push(line);
    };
    child.stdout.on('data', (chunk) => {
      const lines = (partial + chunk).split('\n');
      partial = lines.pop();
      for (const line of lines) take(line);
    });
    child.stderr.on('data', (chunk) => { failure.push(...chunk.toString().trimEnd().split('\n')); });
    child.on('close', (code) => {
      clearInterval(ticking);
      if (code !== 0 && counts.failed === 0) counts.failed = 1;
      if (counts.failed > 0) console.log(failure.slice(0, 60).join('\n'));
      resolve({ ...run, ...counts, figures, seconds: seconds(startedMs) });
    });
  });
}

const results = [];
for (const run of RUNS) if (only === undefined || only.includes(run.id)) results.push(await execute(run));
console.log('');
for (const { id, what, passed, failed, skipped, figures, seconds: took } of results) {
  console.log(`${failed > 0 ? 'FAIL' : passed > 0 ? 'ok  ' : 'none'} ${id.padEnd(3)} ${what}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''} in ${took} s${figures.slice(-FIGURES_MAX).map((said) => `; ${said}`).join('')}`);
}
const failed = results.reduce((sum, run) => sum + run.failed, 0);
console.log(`${results.reduce((sum, run) => sum + run.passed, 0)} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
