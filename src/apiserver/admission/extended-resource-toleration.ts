/** A pod that asks for a device tolerates the taint that keeps others off nodes with such devices. Off by default, as upstream. */
import type { Pod, Toleration } from '#api/generated/core/v1';
import { isExtendedResource } from '../resources/rules/resource-lists.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

export function extendedResourceToleration(): AdmissionPlugin {
  return {
    name: 'ExtendedResourceToleration',
    admit(attributes) {
      const { operation, object } = attributes;
      if (!isAbout(attributes, '', 'pods') || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      const { spec } = object as Pod;
      const asked = [...spec?.initContainers ?? [], ...spec?.containers ?? []].flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
      for (const key of [...new Set(asked)].filter(isExtendedResource).sort()) spec!.tolerations = tolerating(spec!.tolerations ?? [], key);
    },
  };
}

/** In the place of the one for the same taint, or at the end. */
function tolerating(tolerations: readonly Toleration[], key: string): Toleration[] {
  const wanted: Toleration = { key, operator: 'Exists', effect: 'NoSchedule' };
  const index = tolerations.findIndex((one) => one.key === key && one.effect === wanted.effect && one.operator === wanted.operator && (one.value ?? '') === '');
  return index === -1 ? [...tolerations, wanted] : tolerations.with(index, wanted);
}
