/**
 * `npm run bench [-- --only A1,A4 --json FILE --quick --rounds N --hold-minutes 10 --peer-apiserver PATH --peer-etcd PATH]`
 *
 * Started by `tools/bench.mjs` in the project's folder. Runs the cases, each beside its peer where there is one, prints a line a figure, and never fails on a figure: only on a wrong
 * answer. A peer that is not installed is named and its cases are left out. See docs/BENCHMARKS.md.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { createAndGet } from './cases/create-and-get.ts';
import { customResources } from './cases/custom-resources.ts';
import { engine } from './cases/engine.ts';
import { largeLists } from './cases/large-lists.ts';
import { leases } from './cases/leases.ts';
import { manyObjects } from './cases/many-objects.ts';
import { requestCosts } from './cases/request-costs.ts';
import { clusterStart } from './cases/cluster-start.ts';
import { besideUpstream } from './cases/beside-upstream.ts';
import { watches } from './cases/watches.ts';
import { resultOf, resultText, type BenchCase, type BenchContext, type Result } from './measurement.ts';
import { stopAll } from './servers/child.ts';
import { MissingPeer } from './servers/peers.ts';

const CASES: readonly BenchCase[] = [createAndGet, engine, watches, leases, manyObjects, largeLists, requestCosts, customResources, clusterStart, besideUpstream];

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

const quick = process.argv.includes('--quick');
const only = option('only')?.split(',');
const context: BenchContext = {
  quick, rounds: Number(option('rounds') ?? (quick ? 2 : 5)), roundMs: quick ? 1_500 : 4_000, holdMs: Number(option('hold-minutes') ?? (quick ? 0.2 : 1)) * 60_000,
  peerApiServer: option('peer-apiserver') ?? process.env['BENCH_PEER_APISERVER'], peerEtcd: option('peer-etcd') ?? process.env['BENCH_PEER_ETCD'] ?? 'etcd',
  wanted: (id) => only === undefined || only.includes(id),
  size: (count) => (quick ? Math.ceil(count / 10) : count),
  say: (text) => console.log(`     ${text}`),
  stalls: [],
};

function machine(): object {
  const git = (...words: string[]): string => spawnSync('git', words, { encoding: 'utf8' }).stdout.trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  const memory = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0);
  return {
    commit: `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`, cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    kernel: release(), node: process.version, memoryGiB: Math.round(memory / 2 ** 20), load: loadavg().map((value) => Math.round(value * 10) / 10),
  };
}

async function runCase(one: BenchCase): Promise<readonly Result[]> {
  try {
    return await one.run(context);
  } catch (error) {
    if (!(error instanceof MissingPeer)) {
      process.exitCode = 1;
      console.error(error);
      return [];
    }
    context.say(`${one.ids.filter((id) => context.wanted(id)).join(', ')} left out: ${error.message}`);
    return [];
  } finally {
    await stopAll();
  }
}

const about = machine();
console.log(JSON.stringify(about));
const results: Result[] = [];
for (const one of CASES) {
  if (!one.ids.some((id) => context.wanted(id))) continue;
  for (const result of await runCase(one)) {
    results.push(result);
    console.log(resultText(result));
  }
}
if (context.stalls.length > 0 && context.wanted('A12')) {
  const longest = context.stalls.toSorted((a, b) => b.ms - a.ms);
  const stall = resultOf(
    { id: 'A12', what: 'longest stall of the server\'s event loop', unit: 'ms', better: 'lower', aim: '≤ 10 ms', note: longest.slice(0, 6).map(({ id, ms }) => `${id} ${ms.toFixed(0)}`).join(', ') },
    longest.map(({ ms }) => ms).slice(0, 1),
  );
  results.push(stall);
  console.log(resultText(stall));
}
const file = option('json');
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ ...about, loadAfter: loadavg()[0], results }, null, 2)}\n`);
process.exit();
