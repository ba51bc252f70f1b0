/** Storage version migrations as a resource. */
import { storageversionmigrations, type StorageVersionMigration } from '#api/generated/storagemigration/v1beta1';
import { semanticEqual } from '#machinery/deep-equal';
import { path } from '#machinery/field-error';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { validateConditions } from '#machinery/validation/conditions';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf, goJsonOfList } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';

function checkSpec({ spec }: StorageVersionMigration, faults: Faults): void {
  const { resource = '', group = '' } = spec?.resource ?? {};
  const texts = resource === '' ? [] : dns1035LabelFaults(resource);
  if (resource === '') faults.required('spec.resource.resource', 'resource is required to be set');
  else if (texts.length > 0) faults.invalid('spec.resource.resource', resource, texts.join(','));
  const groupTexts = group === '' ? [] : dns1123SubdomainFaults(group);
  if (groupTexts.length > 0) faults.invalid('spec.resource.group', group, groupTexts.join(','));
}

function isTrue(migration: StorageVersionMigration, condition: string): boolean {
  return (migration.status?.conditions ?? []).some(({ type, status }) => type === condition && status === 'True');
}

function checkStatus(migration: StorageVersionMigration, old: StorageVersionMigration, faults: Faults): void {
  const conditions = migration.status?.conditions;
  const version = migration.status?.resourceVersion ?? '';
  const before = old.status?.resourceVersion ?? '';
  if (version !== '' && !/^[1-9]\d*$/.test(version)) {
    faults.invalid('status.resourceVersion', version, `resource version is not well formed: ${version}`);
  }
  faults.add(validateConditions(conditions ?? [], path('status', 'conditions')));
  if (before !== '' && before !== version) faults.invalid('status.resourceVersion', version, 'field is immutable');
  const refuse = (text: string): void => faults.invalid('status.conditions', goJsonOfList('meta/v1.Condition', conditions), text);
  if (isTrue(migration, 'Succeeded') && isTrue(migration, 'Failed')) refuse('Both success and failed conditions cannot be true at the same time');
  if (isTrue(old, 'Succeeded') && !isTrue(migration, 'Succeeded')) refuse('Success condition cannot be set to false once it is true');
  if (isTrue(old, 'Failed') && !isTrue(migration, 'Failed')) refuse('Failed condition cannot be set to false once it is true');
}

export const storageVersionMigrationDefinition: ResourceDefinition<StorageVersionMigration> = {
  resource: storageversionmigrations,
  schema: 'storagemigration/v1beta1.StorageVersionMigration',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: (migration) => { migration.status = {}; },
    prepareForUpdate: (migration, old) => keepFields(migration, old, 'status'),
    validateCreate: (migration) => faultsOf((faults) => {
      checkFinalizers(migration, faults);
      checkSpec(migration, faults);
    }),
    validateUpdate: (migration, old) => faultsOf((faults) => {
      checkMetaAgain(migration, faults, false);
      checkSpec(migration, faults);
      checkMetaOnUpdate(migration, old, faults);
      if (!semanticEqual(migration.spec, old.spec)) {
        faults.invalid('spec', goJsonOf('storagemigration/v1beta1.StorageVersionMigrationSpec', migration.spec), 'field is immutable');
      }
    }),
  },
  statusStrategy: {
    prepareForUpdate: (migration, old) => {
      keepFields(migration, old, 'spec');
      keepMetadata(migration, old);
    },
    validateUpdate: (migration, old) => faultsOf((faults) => {
      checkMetaOnUpdate(migration, old, faults);
      checkStatus(migration, old, faults);
    }),
  },
};
