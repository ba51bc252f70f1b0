/** Namespaces as a resource. Deletion waits for `spec.finalizers`, which only `/finalize` changes. */
import { namespaces, type Namespace } from '#api/generated/core/v1';
import { nameIsDnsLabel } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizer, checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields } from '../../rules/status-reset.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';

function labelWithName(namespace: Namespace): void {
  if (namespace.metadata.name) namespace.metadata.labels = { ...namespace.metadata.labels, [NAME_LABEL]: namespace.metadata.name };
}

function checkSpecFinalizers(namespace: Namespace, faults: Faults): void {
  for (const name of namespace.spec?.finalizers ?? []) checkFinalizer(name, 'spec.finalizers', faults);
}

export const namespaceDefinition: ResourceDefinition<Namespace> = {
  resource: namespaces,
  schema: 'core/v1.Namespace',
  nameRule: 'dns1123-label',
  strategy: {
    defaults: (namespace) => {
      labelWithName(namespace);
      namespace.status ??= {};
      namespace.status.phase ||= 'Active';
    },
    prepareForCreate: (namespace) => {
      namespace.status = { phase: 'Active' };
      namespace.spec ??= {};
      if (!namespace.spec.finalizers?.includes('kubernetes')) namespace.spec.finalizers = [...(namespace.spec.finalizers ?? []), 'kubernetes'];
    },
    prepareForUpdate: (namespace, old) => {
      namespace.spec ??= {};
      keepFields(namespace.spec, old.spec ?? {}, 'finalizers');
      keepFields(namespace, old, 'status');
    },
    validateCreate: (namespace) => faultsOf((faults) => {
      checkFinalizers(namespace, faults);
      checkSpecFinalizers(namespace, faults);
    }),
    validateUpdate: (namespace, old) => faultsOf((faults) => {
      checkMetaAgain(namespace, faults, false, nameIsDnsLabel);
      checkSpecFinalizers(namespace, faults);
      checkMetaOnUpdate(namespace, old, faults);
    }),
    canonicalize: labelWithName,
  },
  statusStrategy: {
    prepareForUpdate: (namespace, old) => keepFields(namespace, old, 'spec'),
    validateUpdate: (namespace, old) => faultsOf((faults) => {
      checkMetaOnUpdate(namespace, old, faults);
      const phase = namespace.status?.phase ?? '';
      if (namespace.metadata.deletionTimestamp === undefined) {
        if (phase !== 'Active') faults.invalid('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty");
      } else if (phase !== 'Terminating') {
        faults.invalid('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
      }
    }),
  },
  subresourceStrategies: {
    finalize: {
      prepareForUpdate: (namespace, old) => keepFields(namespace, old, 'status'),
      validateUpdate: (namespace, old) => faultsOf((faults) => {
        checkMetaOnUpdate(namespace, old, faults);
        for (const [index, name] of (namespace.spec?.finalizers ?? []).entries()) checkFinalizer(name, `spec.finalizers[${index}]`, faults);
      }),
    },
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
  selectableFieldNames: ['status.phase', 'name'],
  selectableFields: (namespace) => ({ 'status.phase': namespace.status?.phase ?? '', name: namespace.metadata.name ?? '' }),
};
