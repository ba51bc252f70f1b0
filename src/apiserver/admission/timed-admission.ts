/** Times admission, each plugin and each step as a whole, under upstream's metric names; decides nothing. */
import type { Clock } from '#base/clock';
import type { Histogram, MetricsRegistry } from '#base/metrics';
import type { AdmissionChain } from './chain.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];
type Step = 'admit' | 'validate';

export interface TimedAdmission {
  plugins(plugins: readonly AdmissionPlugin[]): AdmissionPlugin[];
  chain(chain: AdmissionChain): AdmissionChain;
}

export function timedAdmission(metrics: MetricsRegistry, clock: Clock): TimedAdmission {
  const step = { labels: ['operation', 'rejected', 'type'], help: 'Admission sub-step latency in seconds, broken out for each operation and API resource and step type (validate or admit).' };
  const controllers = metrics.histogram({
    name: 'apiserver_admission_controller_admission_duration_seconds', stability: 'STABLE', buckets: BUCKETS, labels: ['name', 'operation', 'rejected', 'type'],
    help: 'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
  });
  const steps = metrics.histogram({ ...step, name: 'apiserver_admission_step_admission_duration_seconds', stability: 'STABLE', buckets: BUCKETS });
  const summary = metrics.summary({ ...step, name: 'apiserver_admission_step_admission_duration_seconds_summary' });

  function timed(into: readonly Histogram[], first: readonly string[], type: Step, operation: string, run: () => Promise<void> | void): Promise<void> | void {
    const startMs = clock.monotonicNow();
    const note = (rejected: boolean): void => { for (const one of into) one.observe((clock.monotonicNow() - startMs) / 1000, [...first, operation, String(rejected), type]); };
    const refuse = (error: unknown): never => { note(true); throw error; };
    let pending: Promise<void> | void;
    try { pending = run(); } catch (error) { return refuse(error); }
    if (pending === undefined) return note(false);
    return pending.then(() => note(false), refuse);
  }

  return {
    plugins: (plugins) => plugins.map((plugin) => ({
      name: plugin.name,
      ...(plugin.admit === undefined ? {} : { admit: (attributes, rounds) => timed([controllers], [plugin.name], 'admit', attributes.operation, () => plugin.admit!(attributes, rounds)) } satisfies Partial<AdmissionPlugin>),
      ...(plugin.validate === undefined ? {} : { validate: (attributes) => timed([controllers], [plugin.name], 'validate', attributes.operation, () => plugin.validate!(attributes)) } satisfies Partial<AdmissionPlugin>),
    })),
    chain(chain) {
      const both = [steps, summary];
      const run = (type: Step) => async (attributes: AdmissionAttributes): Promise<void> => { await timed(both, [], type, attributes.operation, () => chain[type](attributes)); };
      return { admit: run('admit'), validate: run('validate') };
    },
  };
}
