/**
 * The tables of scheduling.k8s.io, policy and node.k8s.io.
 */
import type { RuntimeClass } from '#api/generated/node/v1';
import type { PodDisruptionBudget } from '#api/generated/policy/v1';
import type { PriorityClass } from '#api/generated/scheduling/v1';
import type { PodGroup, Workload } from '#api/generated/scheduling/v1alpha2';
import type { TablePrinter } from '../definition.ts';
import { age } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

export const priorityClassPrinter: TablePrinter<PriorityClass> = {
  columns: [
    NAME,
    column('Value', 'integer', 'Priority of the pods of this class.'),
    column('Global-Default', 'boolean', 'Whether pods without a class get this one.'),
    AGE,
    column('PreemptionPolicy', 'string', 'Whether pods of this class drive out others.'),
  ],
  cells: ({ metadata, value, globalDefault, preemptionPolicy }, nowMs) => [
    metadata.name, value, globalDefault ?? false, age(metadata, nowMs), preemptionPolicy ?? '',
  ],
};

export const workloadPrinter: TablePrinter<Workload> = {
  columns: [NAME, AGE],
  cells: ({ metadata }, nowMs) => [metadata.name, age(metadata, nowMs)],
};

export const podGroupPrinter: TablePrinter<PodGroup> = {
  columns: [
    NAME,
    column('Policy', 'string', 'How the pods of the group are scheduled.'),
    column('Workload', 'string', 'Name of the referenced Workload object'),
    column('Status', 'string', 'Status of the PodGroup'),
    AGE,
  ],
  cells({ metadata, spec, status }, nowMs) {
    const latest = (type: string) => status?.conditions?.findLast((one) => one.type === type);
    const scheduled = latest('PodGroupScheduled');
    const state = scheduled === undefined ? 'Pending' : scheduled.status === 'True' ? 'Scheduled' : 'Unschedulable';
    return [
      metadata.name, spec?.schedulingPolicy?.gang === undefined ? 'Basic' : 'Gang', spec?.podGroupTemplateRef?.workload?.workloadName ?? '<none>',
      latest('DisruptionTarget')?.reason ?? state, age(metadata, nowMs),
    ];
  },
};

export const podDisruptionBudgetPrinter: TablePrinter<PodDisruptionBudget> = {
  columns: [
    NAME,
    column('Min Available', 'string', 'The minimum number of pods that must be available.'),
    column('Max Unavailable', 'string', 'The maximum number of pods that may be unavailable.'),
    column('Allowed Disruptions', 'integer', 'Calculated number of pods that may be disrupted at this time.'),
    AGE,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, String(spec?.minAvailable ?? 'N/A'), String(spec?.maxUnavailable ?? 'N/A'), status?.disruptionsAllowed ?? 0, age(metadata, nowMs),
  ],
};

export const runtimeClassPrinter: TablePrinter<RuntimeClass> = {
  columns: [NAME, column('Handler', 'string', ''), AGE],
  cells: ({ metadata, handler }, nowMs) => [metadata.name, handler, age(metadata, nowMs)],
};
