/** Pod templates as a resource. */
import { podtemplates, type PodTemplate } from '#api/generated/core/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultPodSpec } from '../../rules/pod-defaults.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { checkPodTemplate } from '../../rules/pod-spec.ts';
import { templateWarnings } from '../../rules/pod-warnings.ts';
import { countChange } from '../../rules/status-reset.ts';

export const podTemplateDefinition: ResourceDefinition<PodTemplate> = {
  resource: podtemplates,
  schema: 'core/v1.PodTemplate',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ template }) => { if (template?.spec) defaultPodSpec(template.spec); },
    prepareForCreate: (object, context) => {
      object.metadata.generation = 1;
      dropDisabledTemplateFields(object.template, undefined, context);
    },
    prepareForUpdate: (object, old, context) => {
      dropDisabledTemplateFields(object.template, old.template, context);
      countChange(object, old, 'template');
    },
    validateCreate: (object, context) => faultsOf((faults) => {
      checkFinalizers(object, faults);
      checkPodTemplate(object.template ?? {}, 'template', faults, templateRules(context));
    }),
    validateUpdate: (object, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(object, old, faults);
      checkPodTemplate(object.template ?? {}, 'template', faults, templateRules(context, old.template));
    }),
    warningsOnCreate: (object) => templateWarnings(object.template, 'template'),
    warningsOnUpdate: (object, old) => (object.metadata.generation === old.metadata.generation ? [] : templateWarnings(object.template, 'template')),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
