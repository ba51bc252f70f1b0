/** Pods stay for five minutes on a node that is not ready or unreachable, unless they say otherwise. */
import type { Pod, Toleration } from '#api/generated/core/v1';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const TOLERATION_SECONDS = 300;
const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

export function defaultTolerationSeconds(): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    admit(attributes) {
      if (!isAbout(attributes, '', 'pods') || (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE')) return;
      const spec = (attributes.object as Pod).spec!;
      const present = spec.tolerations ?? [];
      const missing = KEYS.filter((key) => !present.some((toleration) => covers(toleration, key)));
      if (missing.length === 0) return;
      spec.tolerations = [...present, ...missing.map((key): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: TOLERATION_SECONDS }))];
    },
  };
}

function covers({ key = '', effect = '' }: Toleration, wanted: string): boolean {
  return (key === wanted || key === '') && (effect === 'NoExecute' || effect === '');
}
