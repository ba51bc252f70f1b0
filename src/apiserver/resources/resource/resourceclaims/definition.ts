/** Resource claims as a resource: a spec that never changes; allocation, consumers and device reports in the status. */
import { resourceclaims, type ResourceClaim } from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { defaultDeviceClaim, dropDisabledDeviceClaim } from '../../rules/device-claim-fields.ts';
import { checkDeviceClaim } from '../../rules/device-requests.ts';
import { faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';
import { checkStatus } from './status.ts';
import { dropDeallocatedDevices, dropDisabledStatus } from './status-fields.ts';

export const resourceClaimDefinition: ResourceDefinition<ResourceClaim> = {
  resource: resourceclaims,
  schema: 'resource/v1.ResourceClaim',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (claim) => {
      defaultDeviceClaim(claim.spec?.devices);
      for (const result of claim.status?.allocation?.devices?.results ?? []) {
        for (const toleration of result.tolerations ?? []) toleration.operator ||= 'Equal';
      }
    },
    prepareForCreate: (claim, context) => {
      claim.status = {};
      dropDisabledDeviceClaim(claim.spec?.devices, undefined, context.featureEnabled);
    },
    prepareForUpdate: (claim, old, context) => {
      keepFields(claim, old, 'status');
      dropDisabledDeviceClaim(claim.spec?.devices, old.spec?.devices, context.featureEnabled);
    },
    validateCreate: (claim) => faultsOf((faults) => {
      checkFinalizers(claim, faults);
      checkDeviceClaim(claim.spec?.devices ?? {}, 'spec.devices', faults);
    }),
    validateUpdate: (claim, old) => faultsOf((faults) => {
      checkMetaAgain(claim, faults, true);
      checkMetaOnUpdate(claim, old, faults);
      if (!semanticEqual(claim.spec, old.spec)) faults.invalid('spec', goJsonOf('resource/v1.ResourceClaimSpec', claim.spec), 'field is immutable');
    }),
  },
  statusStrategy: {
    prepareForUpdate: (claim, old, context) => {
      keepFields(claim, old, 'spec');
      keepMetadata(claim, old);
      dropDisabledStatus(claim, old, context.featureEnabled);
      dropDeallocatedDevices(claim, old);
    },
    validateUpdate: (claim, old) => faultsOf((faults) => {
      checkMetaOnUpdate(claim, old, faults);
      checkStatus(claim, old, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
