/** Controller revisions as a resource: immutable snapshots of templates. */
import { controllerrevisions, type ControllerRevision } from '#api/generated/apps/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';

function checkData(revision: ControllerRevision, faults: Faults): void {
  const data: unknown = revision.data;
  if (data === undefined || data === null) faults.required('data', 'data is mandatory');
  else if (typeof data !== 'object' || Array.isArray(data)) faults.required('data', 'data must be a valid JSON object');
}

export const controllerRevisionDefinition: ResourceDefinition<ControllerRevision> = {
  resource: controllerrevisions,
  schema: 'apps/v1.ControllerRevision',
  nameRule: 'dns1123-subdomain',
  strategy: {
    validateCreate: (revision) => faultsOf((faults) => {
      checkFinalizers(revision, faults);
      faults.nonNegative('revision', revision.revision);
      checkData(revision, faults);
    }),
    validateUpdate: (revision, old) => faultsOf((faults) => {
      checkMetaOnUpdate(revision, old, faults);
      checkMetaAgain(revision, faults, true);
      faults.nonNegative('revision', revision.revision);
      if (!semanticEqual(revision.data, old.data)) faults.invalid('data', revision.data ?? null, 'field is immutable');
    }),
  },
  allowUnconditionalUpdate: true,
};
