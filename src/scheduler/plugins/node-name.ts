/** A pod that names its node fits that node only. */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SUCCESS, unresolvable } from '../framework/status.ts';

export const nodeName: SchedulerPlugin = {
  name: 'NodeName',
  events: ['node/add'],
  filter(_state, { pod }, node) {
    const wanted = pod.spec?.nodeName ?? '';
    return wanted === '' || wanted === node.name ? SUCCESS : unresolvable("node(s) didn't match the requested node name");
  },
};
