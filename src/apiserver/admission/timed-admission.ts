/** Times admission, each plugin and each step as a whole, under upstream's metric names; decides nothing. */
import type { Clock } from '#base/clock';
import type { Histogram, MetricsRegistry } from '#base/metrics';
import type { AdmissionChain } from './chain.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];
type Step = 'admit' | 'validate';
type Note = (value: number) => void;

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

  /** Every write passes dozens of plugins: their series are looked up once. */
  function timer(into: readonly Histogram[], first: readonly string[], type: Step): (operation: string, run: () => Promise<void> | void) => Promise<void> | void {
    const known = new Map<string, { readonly accepted: readonly Note[]; readonly rejected: readonly Note[] }>();
    return (operation, run) => {
      let notes = known.get(operation);
      if (notes === undefined) {
        const of = (rejected: boolean): Note[] => into.map((one) => one.series([...first, operation, String(rejected), type]));
        notes = { accepted: of(false), rejected: of(true) };
        known.set(operation, notes);
      }
      const { accepted, rejected } = notes;
      const startMs = clock.monotonicNow();
      const tell = (all: readonly Note[]): void => { for (const note of all) note((clock.monotonicNow() - startMs) / 1000); };
      const refuse = (error: unknown): never => { tell(rejected); throw error; };
      let pending: Promise<void> | void;
      try { pending = run(); } catch (error) { return refuse(error); }
      if (pending === undefined) return tell(accepted);
      return pending.then(() => tell(accepted), refuse);
    };
  }

  function timedPlugin(plugin: AdmissionPlugin): AdmissionPlugin {
    const admitTimer = timer([controllers], [plugin.name], 'admit');
    const validateTimer = timer([controllers], [plugin.name], 'validate');
    return {
      name: plugin.name,
      ...(plugin.admit === undefined ? {} : { admit: (attributes, rounds) => admitTimer(attributes.operation, () => plugin.admit!(attributes, rounds)) } satisfies Partial<AdmissionPlugin>),
      ...(plugin.validate === undefined ? {} : { validate: (attributes) => validateTimer(attributes.operation, () => plugin.validate!(attributes)) } satisfies Partial<AdmissionPlugin>),
    };
  }

  return {
    plugins: (plugins) => plugins.map(timedPlugin),
    chain(chain) {
      const both = [steps, summary];
      const run = (type: Step): (attributes: AdmissionAttributes) => Promise<void> => {
        const timed = timer(both, [], type);
        return async (attributes) => { await timed(attributes.operation, () => chain[type](attributes)); };
      };
      return { admit: run('admit'), validate: run('validate') };
    },
  };
}
