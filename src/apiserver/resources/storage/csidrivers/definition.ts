/** CSI drivers as a resource. */
import { csidrivers, type CSIDriver } from '#api/generated/storage/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition, StrategyContext } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';
import { checkDriverSpec } from './validation.ts';

const TOKEN_WARNING = 'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, '
  + 'set to true to prevent possible logging of tokens in volume attributes';

const GATED = [
  ['seLinuxMount', 'SELinuxMountReadWriteOncePod'], ['nodeAllocatableUpdatePeriodSeconds', 'MutableCSINodeAllocatableCount'],
  ['serviceAccountTokenInSecrets', 'CSIServiceAccountTokenSecrets'], ['preventPodSchedulingIfMissing', 'VolumeLimitScaling'],
] as const;

function dropGated(driver: CSIDriver, old: CSIDriver | undefined, context: StrategyContext): void {
  for (const [field, gate] of GATED) if (!context.featureEnabled(gate) && old?.spec?.[field] === undefined) delete driver.spec?.[field];
}

function defaultDriver({ spec }: CSIDriver): void {
  if (!spec) return;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

export const csiDriverDefinition: ResourceDefinition<CSIDriver> = {
  resource: csidrivers,
  schema: 'storage/v1.CSIDriver',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultDriver,
    prepareForCreate: (driver, context) => dropGated(driver, undefined, context),
    prepareForUpdate: (driver, old, context) => {
      dropGated(driver, old, context);
      countChange(driver, old, 'spec');
    },
    validateCreate: (driver) => faultsOf((faults) => {
      checkFinalizers(driver, faults);
      checkDriverSpec(driver.spec ?? {}, faults);
    }),
    validateUpdate: (driver, old) => faultsOf((faults) => {
      checkMetaOnUpdate(driver, old, faults);
      checkDriverSpec(driver.spec ?? {}, faults);
      const { attachRequired, volumeLifecycleModes } = driver.spec ?? {};
      if (attachRequired !== old.spec?.attachRequired) faults.invalid('spec.attachedRequired', attachRequired, 'field is immutable');
      if (!semanticEqual(volumeLifecycleModes, old.spec?.volumeLifecycleModes)) {
        faults.invalid('spec.volumeLifecycleModes', volumeLifecycleModes, 'field is immutable');
      }
    }),
    warningsOnCreate: ({ spec }) => (spec?.tokenRequests?.length && spec.serviceAccountTokenInSecrets === undefined ? [TOKEN_WARNING] : []),
    warningsOnUpdate: ({ spec }, old) => (spec?.tokenRequests?.length && spec.serviceAccountTokenInSecrets === undefined
      && !semanticEqual(spec.tokenRequests, old.spec?.tokenRequests) ? [TOKEN_WARNING] : []),
  },
  returnDeletedObject: true,
};
