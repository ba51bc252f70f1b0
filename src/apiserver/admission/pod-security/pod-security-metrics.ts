/** Counts what Pod Security decides, under upstream's metric name. */
import type { MetricsRegistry } from '#base/metrics';
import type { AdmissionAttributes } from '../plugin.ts';
import { levelText, type LevelVersion } from './policy.ts';

export type CountEvaluation = (attributes: AdmissionAttributes, mode: 'enforce' | 'audit' | 'warn', policy: LevelVersion, decision: 'allow' | 'deny') => void;

export function podSecurityMetrics(metrics: MetricsRegistry): CountEvaluation {
  const evaluations = metrics.counter({
    name: 'pod_security_evaluations_total', labels: ['decision', 'mode', 'policy_level', 'policy_version', 'request_operation', 'resource', 'subresource'],
    help: 'Number of policy evaluations that occurred, not counting ignored or exempt requests.',
  });
  return ({ operation, info, subresource }, mode, policy, decision) => {
    const [level, version] = levelText(policy).split(':') as [string, string];
    evaluations.inc([decision, mode, level, version, operation.toLowerCase(), info.group === '' && info.resource === 'pods' ? 'pod' : 'controller', subresource]);
  };
}
