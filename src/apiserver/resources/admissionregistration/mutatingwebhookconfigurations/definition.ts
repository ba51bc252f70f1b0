/** Configurations of mutating webhooks as a resource. */
import { mutatingwebhookconfigurations, type MutatingWebhookConfiguration } from '#api/generated/admissionregistration/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { reservedNameWarnings } from '../../rules/admission-rules.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkMetaWithName } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';
import { checkWebhooks, defaultWebhooks } from '../../rules/webhooks.ts';

export const mutatingWebhookConfigurationDefinition: ResourceDefinition<MutatingWebhookConfiguration> = {
  resource: mutatingwebhookconfigurations,
  schema: 'admissionregistration/v1.MutatingWebhookConfiguration',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (configuration) => defaultWebhooks(configuration.webhooks, true),
    prepareForCreate: (configuration) => { configuration.metadata.generation = 1; },
    prepareForUpdate: (configuration, old) => countChange(configuration, old, 'webhooks'),
    validateCreate: (configuration) => faultsOf((faults) => checkWebhooks(configuration.webhooks, undefined, faults)),
    validateUpdate: (configuration, old) => faultsOf((faults) => {
      checkMetaWithName(configuration, faults);
      checkWebhooks(configuration.webhooks, old.webhooks ?? [], faults);
    }),
    warningsOnCreate: (configuration) => reservedNameWarnings(configuration.metadata.name),
    warningsOnUpdate: (configuration) => reservedNameWarnings(configuration.metadata.name),
  },
};
