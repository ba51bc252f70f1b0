/** Priority level configurations as a resource. */
import { prioritylevelconfigurations, type PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFlowConditions } from '../../rules/flow-conditions.ts';
import { checkFinalizers, checkMetaAgain } from '../../rules/metadata.ts';
import { countChange, keepAllMetadata, keepFields } from '../../rules/status-reset.ts';
import { checkPriorityLevel } from './validation.ts';

const DEFAULT_SHARES = 30;
const DEFAULT_QUEUING = { handSize: 8, queues: 64, queueLengthLimit: 50 };

function defaultLevel({ spec }: PriorityLevelConfiguration): void {
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
  if (!spec?.limited) return;
  spec.limited.nominalConcurrencyShares ??= DEFAULT_SHARES;
  spec.limited.lendablePercent ??= 0;
  const queuing = spec.limited.limitResponse?.queuing;
  if (!queuing) return;
  queuing.handSize ||= DEFAULT_QUEUING.handSize;
  queuing.queues ||= DEFAULT_QUEUING.queues;
  queuing.queueLengthLimit ||= DEFAULT_QUEUING.queueLengthLimit;
}

export const priorityLevelConfigurationDefinition: ResourceDefinition<PriorityLevelConfiguration> = {
  resource: prioritylevelconfigurations,
  schema: 'flowcontrol/v1.PriorityLevelConfiguration',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultLevel,
    prepareForCreate: (level) => {
      level.status = {};
      level.metadata.generation = 1;
    },
    prepareForUpdate: (level, old) => {
      countChange(level, old, 'spec');
      keepFields(level, old, 'status');
    },
    validateCreate: (level) => faultsOf((faults) => {
      checkFinalizers(level, faults);
      checkPriorityLevel(level, faults);
    }),
    validateUpdate: (level) => faultsOf((faults) => {
      checkMetaAgain(level, faults, false);
      checkPriorityLevel(level, faults);
    }),
  },
  statusStrategy: {
    prepareForUpdate: (level, old) => {
      keepAllMetadata(level, old);
      keepFields(level, old, 'spec');
    },
    validateUpdate: (level) => faultsOf((faults) => checkFlowConditions(level.status?.conditions, faults)),
  },
  allowUnconditionalUpdate: true,
};
