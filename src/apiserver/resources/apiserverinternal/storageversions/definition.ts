/** Storage versions as a resource: in which version each API server stores a kind. */
import { storageversions, type StorageVersion } from '#api/generated/apiserverinternal/v1alpha1';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers } from '../../rules/metadata.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';
import { checkStatus } from './status.ts';

function nameTexts(name: string): string[] {
  const dot = name.lastIndexOf('.');
  if (dot === -1) return ['name must be in the form of <group>.<resource>'];
  return [
    ...dns1123SubdomainFaults(name.slice(0, dot)).map((text) => `the group segment ${text}`),
    ...dns1035LabelFaults(name.slice(dot + 1)).map((text) => `the resource segment ${text}`),
  ];
}

export const storageVersionDefinition: ResourceDefinition<StorageVersion> = {
  resource: storageversions,
  schema: 'apiserverinternal/v1alpha1.StorageVersion',
  nameRule: nameTexts,
  strategy: {
    prepareForCreate: (version) => { version.status = {}; },
    prepareForUpdate: (version, old) => keepFields(version, old, 'status'),
    validateCreate: (version) => faultsOf((faults) => checkFinalizers(version, faults)),
  },
  statusStrategy: {
    prepareForUpdate: (version, old) => {
      keepFields(version, old, 'spec');
      keepMetadata(version, old);
    },
    validateUpdate: (version) => faultsOf((faults) => checkStatus(version.status ?? {}, faults)),
  },
};
