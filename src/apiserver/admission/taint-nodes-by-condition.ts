/** A new node is tainted not-ready until the node controller has seen it ready. */
import type { Node } from '#api/generated/core/v1';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';

export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    admit(attributes) {
      if (!isAbout(attributes, '', 'nodes') || attributes.operation !== 'CREATE') return;
      const node = attributes.object as Node;
      const taints = node.spec?.taints ?? [];
      if (taints.some((taint) => taint.key === NOT_READY && taint.effect === 'NoSchedule')) return;
      node.spec = { ...node.spec, taints: [...taints, { key: NOT_READY, effect: 'NoSchedule' }] };
    },
  };
}
