/** Cordoned nodes take only pods that tolerate it. */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SUCCESS, unresolvable } from '../framework/status.ts';
import { tolerates } from '#semantics/taints';

const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: SchedulerPlugin = {
  name: 'NodeUnschedulable',
  events: ['node/add', 'node/taint', 'unscheduled-pod/update'],
  filter(_state, { pod }, { node }) {
    if (node?.spec?.unschedulable !== true) return SUCCESS;
    const tolerated = (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, TAINT));
    return tolerated ? SUCCESS : unresolvable('node(s) were unschedulable');
  },
};
