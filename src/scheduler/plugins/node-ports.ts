/** Host ports are free on the node. */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SKIP, SUCCESS, unschedulable } from '../framework/status.ts';

export const nodePorts: SchedulerPlugin = {
  name: 'NodePorts',
  events: ['assigned-pod/delete', 'node/add'],
  preFilter: (_state, { hostPorts }) => ({ verdict: hostPorts.length === 0 ? SKIP : SUCCESS }),
  filter: (_state, { hostPorts }, node) => (node.hasPortConflict(hostPorts) ? unschedulable("node(s) didn't have free ports for the requested pod ports") : SUCCESS),
};
