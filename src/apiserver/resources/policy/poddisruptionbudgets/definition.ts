/** Pod disruption budgets as a resource. */
import { poddisruptionbudgets, type PodDisruptionBudget, type PodDisruptionBudgetSpec } from '#api/generated/policy/v1';
import { path } from '#machinery/field-error';
import { validateConditions } from '#machinery/validation/conditions';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkLabelSelector } from '../../rules/selectors.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { checkAtMost100Percent, checkIntOrPercent, checkNonNegativeFields } from '../../rules/workloads.ts';

function checkSpec(spec: PodDisruptionBudgetSpec, old: PodDisruptionBudgetSpec | undefined, faults: Faults): void {
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    faults.invalid('spec', goJsonOf('policy/v1.PodDisruptionBudgetSpec', spec), 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    checkIntOrPercent(spec[field], `spec.${field}`, faults);
    checkAtMost100Percent(spec[field], `spec.${field}`, faults);
  }
  const wasBad = faultsOf((before) => checkLabelSelector(old?.selector, 'spec.selector', before)).length > 0;
  checkLabelSelector(spec.selector, 'spec.selector', faults, { anyValue: wasBad });
  if (spec.unhealthyPodEvictionPolicy !== undefined) {
    faults.strictlyOneOf('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']);
  }
}

export const podDisruptionBudgetDefinition: ResourceDefinition<PodDisruptionBudget> = {
  resource: poddisruptionbudgets,
  schema: 'policy/v1.PodDisruptionBudget',
  // Nobody looks at budgets' names further.
  nameRule: 'path-segment',
  strategy: {
    prepareForCreate: (budget) => {
      delete budget.status;
      budget.metadata.generation = 1;
    },
    prepareForUpdate: (budget, old) => {
      keepFields(budget, old, 'status');
      countChange(budget, old, 'spec');
    },
    validateCreate: ({ spec }) => faultsOf((faults) => checkSpec(spec ?? {}, undefined, faults)),
    validateUpdate: ({ spec }, old) => faultsOf((faults) => checkSpec(spec ?? {}, old.spec, faults)),
  },
  statusStrategy: {
    prepareForUpdate: (budget, old) => keepFields(budget, old, 'spec'),
    validateUpdate: ({ status }) => faultsOf((faults) => {
      faults.add(validateConditions(status?.conditions ?? [], path('status', 'conditions')));
      checkNonNegativeFields(status, ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'], 'status', faults);
    }),
  },
};
