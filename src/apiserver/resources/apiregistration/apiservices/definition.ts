/** API services as a resource: which server answers for a group and version. */
import { apiservices, type APIService } from '#api/generated/apiregistration/v1';
import { path } from '#machinery/field-error';
import { nameIsPathSegment } from '#machinery/names';
import { formatTime } from '#machinery/time';
import { validateObjectMetaUpdate } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkDerivedName, checkMetaWithName } from '../../rules/metadata.ts';
import { keepFields } from '../../rules/status-reset.ts';
import { defaultServicePort } from '../../rules/webhook-client.ts';
import { checkSpec } from './validation.ts';

/** Of a group and version that this server answers for itself. */
const LOCAL = { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' } as const;

function checkName(service: APIService, faults: Faults): void {
  const wanted = `${service.spec?.version ?? ''}.${service.spec?.group ?? ''}`;
  checkDerivedName(service, (name) => {
    if (nameIsPathSegment(name, false).length > 0 || name === wanted) return [];
    return [`must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`];
  }, faults);
}

export const apiServiceDefinition: ResourceDefinition<APIService> = {
  resource: apiservices,
  schema: 'apiregistration/v1.APIService',
  nameRule: 'path-segment',
  strategy: {
    defaults: ({ spec }) => defaultServicePort(spec?.service),
    prepareForCreate: (service, context) => {
      service.status = service.spec?.service ? {} : { conditions: [{ ...LOCAL, lastTransitionTime: formatTime(context.nowMs) }] };
    },
    prepareForUpdate: (service, old) => keepFields(service, old, 'status'),
    validateCreate: (service) => faultsOf((faults) => {
      checkName(service, faults);
      checkSpec(service.spec ?? {}, faults);
    }),
    validateUpdate: (service, old) => faultsOf((faults) => {
      faults.add(validateObjectMetaUpdate(service.metadata, old.metadata, path('metadata')));
      checkMetaWithName(service, faults, nameIsPathSegment);
      checkName(service, faults);
      checkSpec(service.spec ?? {}, faults);
    }),
  },
  statusStrategy: {
    prepareForUpdate: (service, old) => {
      keepFields(service, old, 'spec');
      keepFields(service.metadata, old.metadata, 'labels', 'annotations', 'finalizers', 'ownerReferences');
    },
    validateUpdate: (service, old) => faultsOf((faults) => {
      faults.add(validateObjectMetaUpdate(service.metadata, old.metadata, path('metadata')));
      for (const [index, { status }] of (service.status?.conditions ?? []).entries()) {
        faults.strictlyOneOf(`status.conditions[${index}].status`, status, ['True', 'False', 'Unknown']);
      }
    }),
  },
};
