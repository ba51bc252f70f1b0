/** Nodes repel pods by taints; among those left, fewer PreferNoSchedule taints are better. */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SUCCESS, unresolvable } from '../framework/status.ts';
import { tolerates, untoleratedTaint } from '#semantics/taints';
import { normalizeScores } from '../framework/normalize.ts';

export const taintToleration: SchedulerPlugin = {
  name: 'TaintToleration',
  events: ['node/add', 'node/taint', 'unscheduled-pod/update'],
  filter(_state, { pod }, { node }) {
    const taint = untoleratedTaint(node?.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']);
    return taint === undefined ? SUCCESS : unresolvable('node(s) had untolerated taint(s)');
  },
  score(_state, { pod }, { node }) {
    const preferred = (pod.spec?.tolerations ?? []).filter((toleration) => !toleration.effect || toleration.effect === 'PreferNoSchedule');
    return (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !preferred.some((toleration) => tolerates(toleration, taint))).length;
  },
  normalize: (_state, _pod, scores) => normalizeScores(scores, true),
};
