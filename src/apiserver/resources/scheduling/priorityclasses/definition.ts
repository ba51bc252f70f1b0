/** Priority classes as a resource. */
import { priorityclasses, type PriorityClass } from '#api/generated/scheduling/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkPreemptionPolicy } from '../../rules/pod-spec.ts';

const USER_VALUE_MAX = 1_000_000_000;
const SYSTEM_PREFIX = 'system-';
const SYSTEM_VALUES: Readonly<Record<string, number>> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 };

/** Names of the system's must be the system's classes, as they are made at start. */
function systemClassFault({ metadata: { name = '' }, value, globalDefault }: PriorityClass): string | undefined {
  const wanted = SYSTEM_VALUES[name];
  if (wanted === undefined) return `${name} is not a known system priority class`;
  if (value !== wanted) return `value of ${name} PriorityClass must be ${wanted}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function checkClass(priority: PriorityClass, faults: Faults): void {
  if (priority.metadata.name?.startsWith(SYSTEM_PREFIX)) {
    const fault = systemClassFault(priority);
    if (fault) faults.forbidden('metadata.name', `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${fault}`);
  } else if ((priority.value ?? 0) > USER_VALUE_MAX) {
    faults.forbidden('value', `maximum allowed value of a user defined priority is ${USER_VALUE_MAX}`);
  }
  if (priority.preemptionPolicy !== undefined) checkPreemptionPolicy(priority.preemptionPolicy, 'preemptionPolicy', faults);
}

export const priorityClassDefinition: ResourceDefinition<PriorityClass> = {
  resource: priorityclasses,
  schema: 'scheduling/v1.PriorityClass',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (priority) => { priority.preemptionPolicy ??= 'PreemptLowerPriority'; },
    prepareForCreate: (priority) => { priority.metadata.generation = 1; },
    validateCreate: (priority) => faultsOf((faults) => {
      checkFinalizers(priority, faults);
      checkClass(priority, faults);
    }),
    validateUpdate: (priority, old) => faultsOf((faults) => {
      checkMetaOnUpdate(priority, old, faults);
      if ((priority.value ?? 0) !== (old.value ?? 0)) faults.forbidden('value', 'may not be changed in an update.');
      if (priority.preemptionPolicy !== old.preemptionPolicy) faults.invalid('preemptionPolicy', priority.preemptionPolicy, 'field is immutable');
    }),
  },
  allowUnconditionalUpdate: true,
};
