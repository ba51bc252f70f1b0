/** The one list of scheduler plugins, in the order they are asked, with their weights. */
import type { Client } from '#client/client';
import type { WeightedPlugin } from './framework/profile.ts';
import { balancedAllocation } from './plugins/balanced-allocation.ts';
import { defaultBinder } from './plugins/default-binder.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { resourcesFit } from './plugins/resources-fit.ts';
import { schedulingGates } from './plugins/scheduling-gates.ts';
import { taintToleration } from './plugins/taint-toleration.ts';

export function defaultPlugins({ client }: { client: Client }): WeightedPlugin[] {
  return [
    { plugin: schedulingGates },
    { plugin: prioritySort },
    { plugin: nodeUnschedulable },
    { plugin: nodeName },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts },
    { plugin: resourcesFit },
    { plugin: balancedAllocation },
    { plugin: imageLocality },
    { plugin: defaultBinder(client) },
  ];
}
