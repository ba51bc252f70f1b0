/** Keeps a pod out of the queue while it has scheduling gates (KEP-3521). */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SUCCESS, unresolvable } from '../framework/status.ts';

export const schedulingGates: SchedulerPlugin = {
  name: 'SchedulingGates',
  events: ['unscheduled-pod/gates'],
  preEnqueue(pod) {
    const gates = (pod.spec?.schedulingGates ?? []).map((gate) => gate.name);
    return gates.length === 0 ? SUCCESS : unresolvable(`waiting for scheduling gates: [${gates.join(' ')}]`);
  },
};
