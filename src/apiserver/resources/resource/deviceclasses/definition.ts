/** Device classes as a resource. */
import { deviceclasses, type DeviceClass } from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { nameIsDnsSubdomain } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { checkConfiguration, checkSelectors, CONFIGURATIONS_MAX } from '../../rules/device-requests.ts';
import { checkList } from '../../rules/devices.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { isExtendedResource } from '../../rules/resource-lists.ts';
import { countChange } from '../../rules/status-reset.ts';

function checkClass({ spec }: DeviceClass, old: DeviceClass | undefined, faults: Faults): void {
  checkSelectors(spec?.selectors, old !== undefined && semanticEqual(spec?.selectors, old.spec?.selectors), 'spec.selectors', faults);
  const sameConfig = old !== undefined && semanticEqual(spec?.config, old.spec?.config);
  checkList(spec?.config, CONFIGURATIONS_MAX, 'spec.config', faults, ({ opaque }, at) => checkConfiguration(opaque, sameConfig, at, faults));
  const name = spec?.extendedResourceName;
  if (name !== undefined && !isExtendedResource(name)) faults.invalid('spec.extendedResourceName', name, 'must be a valid extended resource name');
}

export const deviceClassDefinition: ResourceDefinition<DeviceClass> = {
  resource: deviceclasses,
  schema: 'resource/v1.DeviceClass',
  // Counted in bytes, and called so.
  nameRule: (name, prefix) => nameIsDnsSubdomain(name, prefix).map((text) => text.replace('characters', 'bytes')),
  strategy: {
    prepareForCreate: (deviceClass, context) => {
      deviceClass.metadata.generation = 1;
      if (!context.featureEnabled('DRAExtendedResource')) delete deviceClass.spec?.extendedResourceName;
    },
    prepareForUpdate: (deviceClass, old, context) => {
      const inUse = old.spec?.extendedResourceName !== undefined;
      if (!inUse && !context.featureEnabled('DRAExtendedResource')) delete deviceClass.spec?.extendedResourceName;
      countChange(deviceClass, old, 'spec');
    },
    validateCreate: (deviceClass) => faultsOf((faults) => {
      checkFinalizers(deviceClass, faults);
      checkClass(deviceClass, undefined, faults);
    }),
    validateUpdate: (deviceClass, old) => faultsOf((faults) => {
      checkMetaAgain(deviceClass, faults, false);
      checkMetaOnUpdate(deviceClass, old, faults);
      checkClass(deviceClass, old, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
