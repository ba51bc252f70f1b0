/** Custom resource definitions as a resource. */
import { customresourcedefinitions, type CustomResourceDefinition } from '#api/generated/apiextensions/v1';
import { path } from '#machinery/field-error';
import { validateObjectMetaUpdate } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkDerivedName } from '../../rules/metadata.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { defaultServicePort } from '../../rules/webhook-client.ts';
import { unknownFormats } from './formats.ts';
import { checkNames } from './names.ts';
import { checkDefinition } from './validation.ts';

function defaultDefinition(definition: CustomResourceDefinition): void {
  const { spec } = definition;
  if (!spec) return;
  spec.names ??= { plural: '', kind: '' };
  spec.names.singular ||= (spec.names.kind ?? '').toLowerCase();
  if (spec.names.kind) spec.names.listKind ||= `${spec.names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  defaultServicePort(spec.conversion.webhook?.clientConfig?.service);
  if (!definition.status?.storedVersions?.length) noteStoredVersion(definition);
}

/** The version that objects are stored in from now on. */
function noteStoredVersion(definition: CustomResourceDefinition): void {
  const storage = (definition.spec?.versions ?? []).find((version) => version.storage)?.name;
  if (storage === undefined) return;
  definition.status ??= {} as NonNullable<CustomResourceDefinition['status']>;
  const stored = definition.status.storedVersions ?? [];
  if (!stored.includes(storage)) definition.status.storedVersions = [...stored, storage];
}

function formatWarnings(formats: readonly string[]): string[] {
  return formats.map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

export const customResourceDefinitionDefinition: ResourceDefinition<CustomResourceDefinition> = {
  resource: customresourcedefinitions,
  schema: 'apiextensions/v1.CustomResourceDefinition',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultDefinition,
    prepareForCreate: (definition) => {
      delete definition.status;
      definition.metadata.generation = 1;
      noteStoredVersion(definition);
    },
    prepareForUpdate: (definition, old) => {
      keepFields(definition, old, 'status');
      if (definition.status) definition.status = { ...definition.status };
      countChange(definition, old, 'spec');
      noteStoredVersion(definition);
    },
    validateCreate: (definition) => faultsOf((faults) => {
      const wanted = `${definition.spec?.names?.plural ?? ''}.${definition.spec?.group ?? ''}`;
      checkDerivedName(definition, (name) => (name === wanted ? [] : ['must be spec.names.plural+"."+spec.group']), faults);
      checkDefinition(definition, undefined, faults);
    }),
    validateUpdate: (definition, old) => faultsOf((faults) => {
      faults.add(validateObjectMetaUpdate(definition.metadata, old.metadata, path('metadata')));
      checkDefinition(definition, old, faults);
    }),
    warningsOnCreate: (definition) => formatWarnings(unknownFormats(definition.spec)),
    warningsOnUpdate: (definition, old) => {
      const known = new Set(unknownFormats(old.spec));
      return formatWarnings(unknownFormats(definition.spec).filter((format) => !known.has(format)));
    },
  },
  statusStrategy: {
    prepareForUpdate: (definition, old) => keepFields(definition, old, 'spec'),
    validateUpdate: (definition, old) => faultsOf((faults) => {
      faults.add(validateObjectMetaUpdate(definition.metadata, old.metadata, path('metadata')));
      checkNames(definition.status?.acceptedNames ?? {}, 'status.acceptedNames', faults);
    }),
  },
};
