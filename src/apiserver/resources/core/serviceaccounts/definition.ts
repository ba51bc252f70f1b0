/** Service accounts as a resource. */
import { serviceaccounts, type ServiceAccount } from '#api/generated/core/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';

const MOUNTABLE_SECRETS = 'kubernetes.io/enforce-mountable-secrets';
const WARNING = `metadata.annotations[${MOUNTABLE_SECRETS}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`;

/** Of the references to secrets only the names count. */
function keepSecretNames(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

export const serviceAccountDefinition: ResourceDefinition<ServiceAccount> = {
  resource: serviceaccounts,
  schema: 'core/v1.ServiceAccount',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: keepSecretNames,
    prepareForUpdate: keepSecretNames,
    validateCreate: (account) => faultsOf((faults) => checkFinalizers(account, faults)),
    validateUpdate: (account, old) => faultsOf((faults) => checkMetaOnUpdate(account, old, faults, { namespaced: true })),
    warningsOnCreate: (account) => (account.metadata.annotations?.[MOUNTABLE_SECRETS] === undefined ? [] : [WARNING]),
    warningsOnUpdate: (account, old) => (account.metadata.annotations?.[MOUNTABLE_SECRETS] === undefined
      || old.metadata.annotations?.[MOUNTABLE_SECRETS] !== undefined ? [] : [WARNING]),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
