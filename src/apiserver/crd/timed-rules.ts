/** A compiler of rules that times what it does, under upstream's metric names. */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { RuleCompiler } from './rules.ts';

export function timedRules(rules: RuleCompiler, metrics: MetricsRegistry, clock: Clock): RuleCompiler {
  const compilation = metrics.histogram({ name: 'apiserver_cel_compilation_duration_seconds', help: 'CEL compilation time in seconds.' });
  const evaluation = metrics.histogram({ name: 'apiserver_cel_evaluation_duration_seconds', help: 'CEL evaluation time in seconds.' });
  const since = (startMs: number): number => (clock.monotonicNow() - startMs) / 1000;
  return {
    schemaFaults: (schema, place, old) => rules.schemaFaults(schema, place, old),
    compile(schema, isRoot) {
      const startMs = clock.monotonicNow();
      const compiled = rules.compile(schema, isRoot);
      if (compiled === undefined) return undefined;
      compilation.observe(since(startMs));
      return {
        check(value, old, at) {
          const checkedMs = clock.monotonicNow();
          try {
            return compiled.check(value, old, at);
          } finally {
            evaluation.observe(since(checkedMs));
          }
        },
      };
    },
  };
}
