/** CSI storage capacities as a resource: how much room a class has where. */
import { csistoragecapacities, type CSIStorageCapacity } from '#api/generated/storage/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123SubdomainFaults } from '#machinery/names';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOfPointer } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { nodeLabelSelectorWarnings } from '../../rules/node-labels.ts';
import { isNegative } from '../../rules/resource-lists.ts';
import { checkLabelSelector } from '../../rules/selectors.ts';

function checkCapacity(object: CSIStorageCapacity, faults: Faults, anyValue: boolean): void {
  checkLabelSelector(object.nodeTopology, 'nodeTopology', faults, { anyValue });
  const name = object.storageClassName ?? '';
  faults.invalidAll('storageClassName', name, dns1123SubdomainFaults(name));
  if (object.capacity !== undefined && isNegative(object.capacity)) {
    faults.invalid('capacity', object.capacity, 'must be greater than or equal to 0');
  }
}

const warnings = (object: CSIStorageCapacity): string[] => nodeLabelSelectorWarnings(object.nodeTopology, 'nodeTopology');

export const csiStorageCapacityDefinition: ResourceDefinition<CSIStorageCapacity> = {
  resource: csistoragecapacities,
  schema: 'storage/v1.CSIStorageCapacity',
  nameRule: 'dns1123-subdomain',
  strategy: {
    validateCreate: (object) => faultsOf((faults) => {
      checkFinalizers(object, faults);
      checkCapacity(object, faults, false);
    }),
    validateUpdate: (object, old) => faultsOf((faults) => {
      checkMetaAgain(object, faults, true);
      checkCapacity(object, faults, hasInvalidLabelValue(old.nodeTopology));
      checkMetaOnUpdate(object, old, faults);
      if (!semanticEqual(object.nodeTopology, old.nodeTopology)) {
        faults.invalid('nodeTopology', goJsonOfPointer('meta/v1.LabelSelector', object.nodeTopology), 'field is immutable');
      }
      if (object.storageClassName !== old.storageClassName) faults.invalid('storageClassName', object.storageClassName, 'field is immutable');
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
};
