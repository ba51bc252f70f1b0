/** Resource claim templates as a resource; a template never changes. */
import { resourceclaimtemplates, type ResourceClaimTemplate } from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { checkTemplateMeta } from '../../rules/claim-spec.ts';
import { defaultDeviceClaim, dropDisabledDeviceClaim } from '../../rules/device-claim-fields.ts';
import { checkDeviceClaim } from '../../rules/device-requests.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';

function checkTemplate(template: ResourceClaimTemplate, faults: Faults): void {
  checkTemplateMeta(template.spec?.metadata, 'spec.metadata', faults);
  checkDeviceClaim(template.spec?.spec?.devices ?? {}, 'spec.spec.devices', faults);
}

export const resourceClaimTemplateDefinition: ResourceDefinition<ResourceClaimTemplate> = {
  resource: resourceclaimtemplates,
  schema: 'resource/v1.ResourceClaimTemplate',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (template) => defaultDeviceClaim(template.spec?.spec?.devices),
    prepareForCreate: (template, context) => dropDisabledDeviceClaim(template.spec?.spec?.devices, undefined, context.featureEnabled),
    prepareForUpdate: (template, old, context) => {
      dropDisabledDeviceClaim(template.spec?.spec?.devices, old.spec?.spec?.devices, context.featureEnabled);
    },
    validateCreate: (template) => faultsOf((faults) => {
      checkFinalizers(template, faults);
      checkTemplate(template, faults);
    }),
    validateUpdate: (template, old) => faultsOf((faults) => {
      checkMetaAgain(template, faults, true);
      checkTemplate(template, faults);
      checkMetaOnUpdate(template, old, faults);
      if (!semanticEqual(template.spec, old.spec)) {
        faults.invalid('spec', goJsonOf('resource/v1.ResourceClaimTemplateSpec', template.spec), 'field is immutable');
      }
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
