/** Storage classes as a resource. */
import { storageclasses, type StorageClass } from '#api/generated/storage/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOfMap } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkParameters, checkProvisioner } from '../../rules/storage-classes.ts';
import { checkTopologyTerms, topologyTermWarnings } from '../../rules/topology-terms.ts';

function checkClass(storageClass: StorageClass, faults: Faults): void {
  checkProvisioner(storageClass.provisioner, 'provisioner', faults);
  checkParameters(storageClass.parameters, true, 'parameters', faults);
  if (storageClass.reclaimPolicy) faults.strictlyOneOf('reclaimPolicy', storageClass.reclaimPolicy, ['Delete', 'Retain']);
  if (storageClass.volumeBindingMode === undefined) faults.required('volumeBindingMode');
  else faults.strictlyOneOf('volumeBindingMode', storageClass.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
  checkTopologyTerms(storageClass.allowedTopologies, 'allowedTopologies', faults);
}

function checkChange(storageClass: StorageClass, old: StorageClass, faults: Faults): void {
  const text = 'field is immutable';
  if (!semanticEqual(storageClass.parameters ?? {}, old.parameters ?? {})) faults.invalid('parameters', goJsonOfMap(storageClass.parameters), text);
  for (const field of ['provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const) {
    if (storageClass[field] !== old[field]) faults.invalid(field, storageClass[field], text);
  }
}

const warnings = (storageClass: StorageClass): string[] => topologyTermWarnings(storageClass.allowedTopologies, 'allowedTopologies');

export const storageClassDefinition: ResourceDefinition<StorageClass> = {
  resource: storageclasses,
  schema: 'storage/v1.StorageClass',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (storageClass) => {
      storageClass.reclaimPolicy ??= 'Delete';
      storageClass.volumeBindingMode ??= 'Immediate';
    },
    validateCreate: (storageClass) => faultsOf((faults) => {
      checkFinalizers(storageClass, faults);
      checkClass(storageClass, faults);
    }),
    validateUpdate: (storageClass, old) => faultsOf((faults) => {
      checkMetaAgain(storageClass, faults, false);
      checkClass(storageClass, faults);
      checkMetaOnUpdate(storageClass, old, faults);
      checkChange(storageClass, old, faults);
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
