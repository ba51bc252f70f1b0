/** The rules of an autoscaler's spec: the target, the metrics, the pace. */
import type {
  CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
} from '#api/generated/autoscaling/v2';
import { groupVersionFault, parseGroupVersion } from '#machinery/gvk';
import { dns1123LabelFaults, pathSegmentNameFaults } from '#machinery/names';
import { parseQuantity, quantitySign } from '#machinery/quantity';
import type { StrategyContext } from '../../definition.ts';
import type { Faults } from '../../rules/faults.ts';
import { checkPathSegment } from '../../rules/object-references.ts';
import { checkResourceName, isExtendedResource, isStandardContainerResource } from '../../rules/resource-lists.ts';

const PERIOD_SECONDS_MAX = 1800;
const WINDOW_SECONDS_MAX = 3600;
const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

/** How a reference's apiVersion may look. */
type VersionRule = 'any' | 'core-too' | 'with-group';

/** What an old autoscaler may keep. */
export interface Tolerance {
  readonly minReplicas: 0 | 1;
  readonly target: VersionRule;
  readonly objects: VersionRule;
}

export function toleranceOf(spec: HorizontalPodAutoscalerSpec, old: HorizontalPodAutoscalerSpec | undefined, context: StrategyContext): Tolerance {
  const { apiVersion, kind } = spec.scaleTargetRef ?? {};
  const isSameTarget = old !== undefined && old.scaleTargetRef?.apiVersion === apiVersion && old.scaleTargetRef?.kind === kind;
  const hadBadObject = (old?.metrics ?? []).some(({ type, object }) => type === 'Object' && object
    && versionFault(object.describedObject?.apiVersion, 'core-too') !== undefined);
  return {
    minReplicas: context.featureEnabled('HPAScaleToZero') || old?.minReplicas === 0 ? 0 : 1,
    target: isSameTarget ? 'any' : kind === 'ReplicationController' ? 'core-too' : 'with-group',
    objects: hadBadObject ? 'any' : 'core-too',
  };
}

export function checkAutoscalerSpec(spec: HorizontalPodAutoscalerSpec, tolerance: Tolerance, faults: Faults): void {
  const { minReplicas, maxReplicas = 0 } = spec;
  if (minReplicas !== undefined && minReplicas < tolerance.minReplicas) {
    faults.invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${tolerance.minReplicas}`);
  }
  if (maxReplicas === 0) faults.required('spec.maxReplicas', 'must be set and greater than 0');
  else if (maxReplicas < 0) faults.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to 1');
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    faults.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`');
  }
  checkReference(spec.scaleTargetRef, 'spec.scaleTargetRef', tolerance.target, faults);
  checkMetrics(spec, tolerance, faults);
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const rules = spec.behavior?.[direction];
    if (rules) checkScalingRules(rules, `spec.behavior.${direction}`, faults);
  }
}

function versionFault(apiVersion = '', rule: VersionRule): string | undefined {
  if (rule === 'any') return undefined;
  const parsed = parseGroupVersion(apiVersion);
  if (!parsed) return groupVersionFault(apiVersion);
  return rule === 'with-group' && parsed.group === '' ? 'apiVersion must specify API group' : undefined;
}

function checkReference(reference: CrossVersionObjectReference | undefined, place: string, rule: VersionRule, faults: Faults): void {
  checkPathSegment(reference?.kind, `${place}.kind`, faults);
  checkPathSegment(reference?.name, `${place}.name`, faults);
  const fault = versionFault(reference?.apiVersion, rule);
  if (fault !== undefined) faults.invalid(`${place}.apiVersion`, reference?.apiVersion, fault);
}

function checkMetrics({ metrics = [], minReplicas }: HorizontalPodAutoscalerSpec, tolerance: Tolerance, faults: Faults): void {
  for (const [index, metric] of metrics.entries()) checkMetric(metric, `spec.metrics[${index}]`, tolerance.objects, faults);
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    faults.forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas');
  }
}

const SOURCES: Readonly<Record<string, (metric: MetricSpec, place: string, rule: VersionRule, faults: Faults) => void>> = {
  object: ({ object }, place, rule, faults) => {
    checkReference(object!.describedObject, `${place}.describedObject`, rule, faults);
    const target = checkNamedTarget(object!, place, faults);
    if (target.value === undefined && target.averageValue === undefined) {
      faults.required(`${place}.target.averageValue`, 'must set either a target value or averageValue');
    }
  },
  external: ({ external }, place, _rule, faults) => {
    const { value, averageValue } = checkNamedTarget(external!, place, faults);
    if (value === undefined && averageValue === undefined) {
      faults.required(`${place}.target.averageValue`, 'must set either a target value for metric or a per-pod target');
    } else if (value !== undefined && averageValue !== undefined) {
      faults.forbidden(`${place}.target.value`, 'may not set both a target value for metric and a per-pod target');
    }
  },
  pods: ({ pods }, place, _rule, faults) => {
    const { averageValue } = checkNamedTarget(pods!, place, faults);
    if (averageValue === undefined) faults.required(`${place}.target.averageValue`, 'must specify a positive target averageValue');
  },
  resource: ({ resource }, place, _rule, faults) => {
    if (!resource!.name) faults.required(`${place}.name`, 'must specify a resource name');
    checkResourceTarget(resource!.target, `${place}.target`, faults);
  },
  containerResource: ({ containerResource }, place, _rule, faults) => {
    const { name, container, target } = containerResource!;
    if (!name) faults.required(`${place}.name`, 'must specify a resource name');
    else checkContainerResourceName(name, `${place}.name`, faults);
    if (!container) faults.required(`${place}.container`, 'must specify a container');
    else faults.invalidAll(`${place}.container`, container, dns1123LabelFaults(container));
    checkResourceTarget(target, `${place}.target`, faults);
  },
};

/** Exactly the source that the type names. Of several, only the first is looked into. */
function checkMetric(metric: MetricSpec, place: string, rule: VersionRule, faults: Faults): void {
  const { type } = metric;
  const isKnown = METRIC_TYPES.includes(type);
  if (!type) faults.required(`${place}.type`, 'must specify a metric source type');
  if (!isKnown) faults.notSupported(`${place}.type`, type, METRIC_TYPES);
  const present = Object.keys(SOURCES).filter((source) => metric[source as keyof MetricSpec] !== undefined);
  const [first] = present;
  if (first) SOURCES[first]!(metric, `${place}.${first}`, rule, faults);
  const expected = isKnown ? `${type.charAt(0).toLowerCase()}${type.slice(1)}` : '';
  if (!isKnown) faults.notSupported(`${place}.type`, type, METRIC_TYPES);
  else if (!present.includes(expected)) faults.required(`${place}.${expected}`, 'must populate information for the given metric source');
  if (present.length === 1) return;
  for (const source of present) if (source !== expected) faults.forbidden(`${place}.${source}`, 'must populate the given metric source only');
}

function checkNamedTarget(source: { metric?: MetricIdentifier; target?: MetricTarget }, place: string, faults: Faults): Partial<MetricTarget> {
  const name = source.metric?.name;
  if (!name) faults.required(`${place}.metric.name`, 'must specify a metric name');
  else faults.invalidAll(`${place}.metric.name`, name, pathSegmentNameFaults(name));
  checkTarget(source.target, `${place}.target`, faults);
  return source.target ?? {};
}

function checkResourceTarget(target: MetricTarget | undefined, place: string, faults: Faults): void {
  checkTarget(target, place, faults);
  const { averageUtilization, averageValue } = target ?? {};
  if (averageUtilization === undefined && averageValue === undefined) {
    faults.required(`${place}.averageUtilization`, 'must set either a target raw value or a target utilization');
  } else if (averageUtilization !== undefined && averageValue !== undefined) {
    faults.forbidden(`${place}.averageValue`, 'may not set both a target raw value and a target utilization');
  }
}

function checkTarget(target: MetricTarget | undefined, place: string, faults: Faults): void {
  const type = target?.type ?? '';
  if (type === '') faults.required(`${place}.type`, 'must specify a metric target type');
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    faults.invalid(`${place}.type`, type, 'must be either Utilization, Value, or AverageValue');
  }
  for (const field of ['value', 'averageValue'] as const) {
    const text = target?.[field];
    if (text !== undefined && quantitySign(parseQuantity(text)) !== 1) faults.invalid(`${place}.${field}`, text, 'must be positive');
  }
  const percent = target?.averageUtilization;
  if (percent !== undefined && percent < 1) faults.invalid(`${place}.averageUtilization`, percent, 'must be greater than 0');
}

function checkContainerResourceName(name: string, place: string, faults: Faults): void {
  checkResourceName(name, place, faults);
  if (!name.includes('/')) {
    if (!isStandardContainerResource(name)) faults.invalid(place, name, 'must be a standard resource for containers');
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    faults.invalid(place, name, "doesn't follow extended resource name standard");
  }
}

const isNativeResource = (name: string): boolean => name.includes('kubernetes.io/');

function checkScalingRules(rules: HPAScalingRules, place: string, faults: Faults): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  if (window !== undefined && window < 0) faults.invalid(`${place}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero');
  if (window !== undefined && window > WINDOW_SECONDS_MAX) {
    faults.invalid(`${place}.stabilizationWindowSeconds`, window, `must be less than or equal to ${WINDOW_SECONDS_MAX}`);
  }
  if (selectPolicy !== undefined) faults.strictlyOneOf(`${place}.selectPolicy`, selectPolicy, ['Disabled', 'Max', 'Min']);
  if (policies.length === 0) faults.required(`${place}.policies`, 'must specify at least one Policy');
  for (const [index, policy] of policies.entries()) checkPolicy(policy, `${place}.policies[${index}]`, faults);
  if (tolerance !== undefined && quantitySign(parseQuantity(tolerance)) < 0) {
    faults.invalid(`${place}.tolerance`, tolerance, 'must be greater than or equal to 0');
  }
}

function checkPolicy({ type, value = 0, periodSeconds = 0 }: HPAScalingPolicy, place: string, faults: Faults): void {
  faults.strictlyOneOf(`${place}.type`, type, ['Percent', 'Pods']);
  faults.positive(`${place}.value`, value);
  faults.positive(`${place}.periodSeconds`, periodSeconds);
  if (periodSeconds > PERIOD_SECONDS_MAX) faults.invalid(`${place}.periodSeconds`, periodSeconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`);
}
