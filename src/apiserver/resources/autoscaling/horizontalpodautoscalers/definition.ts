/** Horizontal pod autoscalers (v2, the stored version) as a resource. */
import {
  horizontalpodautoscalers, type HPAScalingRules, type HorizontalPodAutoscaler, type HorizontalPodAutoscalerBehavior,
} from '#api/generated/autoscaling/v2';
import type { ObjectMeta } from '#machinery/meta';
import type { ResourceDefinition, StrategyContext } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields } from '../../rules/status-reset.ts';
import { checkNonNegativeFields } from '../../rules/workloads.ts';
import { checkAutoscalerSpec, toleranceOf } from './spec-faults.ts';

const CPU_PERCENT = 80;
const PERIOD_SECONDS = 15;
const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [
    { type: 'Pods', value: 4, periodSeconds: PERIOD_SECONDS },
    { type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS },
  ],
};
const SCALE_DOWN: HPAScalingRules = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: PERIOD_SECONDS }] };

/** What v1 clients see in annotations stands in fields here. */
const V1_ANNOTATIONS = ['metrics', 'current-metrics', 'conditions', 'behavior', 'scale-down-tolerance', 'scale-up-tolerance']
  .map((name) => `autoscaling.alpha.kubernetes.io/${name}`);

function defaultAutoscaler({ metadata, spec }: HorizontalPodAutoscaler): void {
  dropV1Annotations(metadata);
  if (!spec) return;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) {
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_PERCENT } } }];
  }
  if (!spec.behavior) return;
  spec.behavior.scaleUp = { ...structuredClone(SCALE_UP), ...spec.behavior.scaleUp };
  spec.behavior.scaleDown = { ...structuredClone(SCALE_DOWN), ...spec.behavior.scaleDown };
}

function dropV1Annotations(metadata: ObjectMeta): void {
  if (!metadata?.annotations || !V1_ANNOTATIONS.some((name) => name in metadata.annotations!)) return;
  for (const name of V1_ANNOTATIONS) delete metadata.annotations[name];
  if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
}

const rulesOf = (behavior: HorizontalPodAutoscalerBehavior | undefined): HPAScalingRules[] => (
  [behavior?.scaleDown, behavior?.scaleUp].filter((rules) => rules !== undefined));

function dropTolerance({ spec }: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler | undefined, context: StrategyContext): void {
  if (context.featureEnabled('HPAConfigurableTolerance')) return;
  if (rulesOf(old?.spec?.behavior).some(({ tolerance }) => tolerance !== undefined)) return;
  for (const rules of rulesOf(spec?.behavior)) delete rules.tolerance;
}

export const horizontalPodAutoscalerDefinition: ResourceDefinition<HorizontalPodAutoscaler> = {
  resource: horizontalpodautoscalers,
  schema: 'autoscaling/v2.HorizontalPodAutoscaler',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultAutoscaler,
    prepareForCreate: (autoscaler, context) => {
      delete autoscaler.status;
      dropTolerance(autoscaler, undefined, context);
    },
    prepareForUpdate: (autoscaler, old, context) => {
      keepFields(autoscaler, old, 'status');
      dropTolerance(autoscaler, old, context);
    },
    validateCreate: (autoscaler, context) => faultsOf((faults) => {
      checkFinalizers(autoscaler, faults);
      checkAutoscalerSpec(autoscaler.spec!, toleranceOf(autoscaler.spec!, undefined, context), faults);
    }),
    validateUpdate: (autoscaler, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(autoscaler, old, faults);
      checkAutoscalerSpec(autoscaler.spec!, toleranceOf(autoscaler.spec!, old.spec, context), faults);
    }),
  },
  statusStrategy: {
    prepareForUpdate: (autoscaler, old) => keepFields(autoscaler, old, 'spec'),
    validateUpdate: (autoscaler, old) => faultsOf((faults) => {
      checkMetaOnUpdate(autoscaler, old, faults);
      checkNonNegativeFields(autoscaler.status, ['currentReplicas', 'desiredReplicas'], 'status', faults);
    }),
  },
  allowUnconditionalUpdate: true,
};
