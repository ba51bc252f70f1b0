/** Resource slices as a resource: the devices of a driver's pool. */
import { resourceslices, type ResourceSlice } from '#api/generated/resource/v1';
import { formatTime } from '#machinery/time';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';
import { dropDisabledFields } from './gated-fields.ts';
import { checkSlice } from './validation.ts';

function defaultSlice({ spec }: ResourceSlice): void {
  for (const device of spec?.devices ?? []) {
    for (const mapping of Object.values(device.nodeAllocatableResourceMappings ?? {})) mapping.allocationMultiplier ??= '1';
  }
}

/** A taint without a time was added now. */
function stampTaints({ spec }: ResourceSlice, nowMs: number): void {
  for (const device of spec?.devices ?? []) for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(nowMs);
}

function warnings({ spec }: ResourceSlice): string[] {
  const driver = spec?.driver ?? '';
  if (driver === driver.toLowerCase()) return [];
  return [`spec.driver: driver names should be lowercase; ${JSON.stringify(driver)} contains uppercase characters`];
}

export const resourceSliceDefinition: ResourceDefinition<ResourceSlice> = {
  resource: resourceslices,
  schema: 'resource/v1.ResourceSlice',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultSlice,
    prepareForCreate: (slice, context) => {
      stampTaints(slice, context.nowMs);
      slice.metadata.generation = 1;
      dropDisabledFields(slice, undefined, context.featureEnabled);
    },
    prepareForUpdate: (slice, old, context) => {
      stampTaints(slice, context.nowMs);
      countChange(slice, old, 'spec');
      dropDisabledFields(slice, old, context.featureEnabled);
    },
    validateCreate: (slice) => faultsOf((faults) => {
      checkFinalizers(slice, faults);
      checkSlice(slice, undefined, faults);
    }),
    validateUpdate: (slice, old) => faultsOf((faults) => {
      checkMetaOnUpdate(slice, old, faults);
      checkSlice(slice, old, faults);
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
  selectableFieldNames: ['spec.nodeName', 'spec.driver'],
  selectableFields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
};
