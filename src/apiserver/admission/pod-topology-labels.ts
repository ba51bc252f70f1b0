/** A pod gets its node's zone and region as labels when it is bound (or made with a node already). */
import { nodes, type Binding, type Pod } from '#api/generated/core/v1';
import { lookup, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'] as const;

export function podTopologyLabels(dependencies: AdmissionDependencies): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    async admit(attributes) {
      if (attributes.operation !== 'CREATE') return;
      let nodeName: string | undefined;
      if (isAbout(attributes, '', 'pods')) {
        nodeName = (attributes.object as Pod).spec?.nodeName;
      } else if (isAbout(attributes, '', 'pods', 'binding')) {
        const { target } = attributes.object as Binding;
        nodeName = target?.kind === 'Node' ? target.name : undefined;
      }
      if (nodeName === undefined || nodeName === '') return;
      const node = await lookup(dependencies, nodes, nodeName, undefined, attributes.signal);
      for (const key of LABELS) {
        const value = node?.metadata.labels?.[key];
        if (value !== undefined) (attributes.object!.metadata.labels ??= {})[key] = value;
      }
    },
  };
}
