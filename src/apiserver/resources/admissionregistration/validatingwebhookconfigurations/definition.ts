/** Configurations of validating webhooks as a resource. */
import { validatingwebhookconfigurations, type ValidatingWebhookConfiguration } from '#api/generated/admissionregistration/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { reservedNameWarnings } from '../../rules/admission-rules.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkMetaWithName } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';
import { checkWebhooks, defaultWebhooks } from '../../rules/webhooks.ts';

export const validatingWebhookConfigurationDefinition: ResourceDefinition<ValidatingWebhookConfiguration> = {
  resource: validatingwebhookconfigurations,
  schema: 'admissionregistration/v1.ValidatingWebhookConfiguration',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (configuration) => defaultWebhooks(configuration.webhooks, false),
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
