/** The one list of scheduler plugins, in the order they are asked, with their weights. */
import type { Pod } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { LabelRequirements } from '#machinery/selector/label-selector';
import type { WeightedPlugin } from './framework/profile.ts';
import { balancedAllocation } from './plugins/balanced-allocation.ts';
import { defaultBinder } from './plugins/default-binder.ts';
import { dynamicResources, type ClaimsOf } from './plugins/dynamic-resources.ts';
import { imageLocality } from './plugins/image-locality.ts';
import { interPodAffinity } from './plugins/inter-pod-affinity.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { defaultPreemption, type PreemptionDependencies } from './plugins/preemption.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { resourcesFit } from './plugins/resources-fit.ts';
import { schedulingGates } from './plugins/scheduling-gates.ts';
import { taintToleration } from './plugins/taint-toleration.ts';
import { topologySpread } from './plugins/topology-spread.ts';

export interface PluginDependencies {
  readonly client: Client;
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
  readonly siblingSelector: (pod: Pod) => LabelRequirements | undefined;
  readonly claimsOf: ClaimsOf;
  readonly preemption: PreemptionDependencies;
}

export function defaultPlugins(dependencies: PluginDependencies): WeightedPlugin[] {
  return [
    { plugin: schedulingGates },
    { plugin: prioritySort },
    { plugin: nodeUnschedulable },
    { plugin: nodeName },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts },
    { plugin: resourcesFit },
    { plugin: topologySpread(dependencies.siblingSelector), weight: 2 },
    { plugin: interPodAffinity(dependencies.namespaceLabels), weight: 2 },
    { plugin: dynamicResources(dependencies.claimsOf) },
    { plugin: defaultPreemption(dependencies.preemption) },
    { plugin: balancedAllocation },
    { plugin: imageLocality },
    { plugin: defaultBinder(dependencies.client) },
  ];
}
