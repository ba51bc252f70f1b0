/** S1: `startCluster` of the testing package: a whole control plane in the caller's process. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { resultOf, type BenchCase } from '../measurement.ts';

const PROGRAM = `
const { startCluster } = await import(process.argv[1]);
const took = [];
for (let i = 0; i < 6; i++) { const startMs = performance.now(); const cluster = await startCluster(); took.push(performance.now() - startMs); await cluster.stop(); }
console.log(JSON.stringify(took));
process.exit(0);
`;

export const clusterStart: BenchCase = {
  ids: ['S1'],
  run: (context) => {
    const first: number[] = [];
    const later: number[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM, resolve('dist/testing.js')], { encoding: 'utf8' });
      if (run.status !== 0) throw new Error(`startCluster failed: ${run.stderr}`);
      const [one, ...others] = JSON.parse(run.stdout) as number[];
      first.push(one!);
      later.push(Math.min(...others));
    }
    return Promise.resolve([
      resultOf({ id: 'S1', what: 'startCluster until ready, the first of a process', unit: 'ms', better: 'lower', aim: '≤ 100 ms' }, first),
      resultOf({ id: 'S1w', what: 'the best of the next five', unit: 'ms', better: 'lower' }, later),
    ]);
  },
};
