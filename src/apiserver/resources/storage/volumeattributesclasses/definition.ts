/** Volume attributes classes as a resource: what is said of a class never changes. */
import { volumeattributesclasses, type VolumeAttributesClass } from '#api/generated/storage/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkParameters, checkProvisioner } from '../../rules/storage-classes.ts';

function checkClass(attributes: VolumeAttributesClass, faults: Faults): void {
  checkProvisioner(attributes.driverName, 'driverName', faults);
  checkParameters(attributes.parameters, false, 'parameters', faults);
}

export const volumeAttributesClassDefinition: ResourceDefinition<VolumeAttributesClass> = {
  resource: volumeattributesclasses,
  schema: 'storage/v1.VolumeAttributesClass',
  nameRule: 'dns1123-subdomain',
  strategy: {
    validateCreate: (attributes) => faultsOf((faults) => {
      checkFinalizers(attributes, faults);
      checkClass(attributes, faults);
    }),
    validateUpdate: (attributes, old) => faultsOf((faults) => {
      checkMetaOnUpdate(attributes, old, faults);
      if (attributes.driverName !== old.driverName) faults.forbidden('driverName', 'updates to driverName are forbidden.');
      if (!semanticEqual(attributes.parameters, old.parameters)) faults.forbidden('parameters', 'updates to parameters are forbidden.');
      checkMetaAgain(attributes, faults, false);
      checkClass(attributes, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
