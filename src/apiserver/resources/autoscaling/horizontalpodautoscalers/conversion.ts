/**
 * autoscaling/v1 autoscalers as the stored autoscaling/v2 and back.
 *
 * v1 knows one CPU percentage; what else a v2 object holds travels in annotations, so that nothing is lost on the way through
 * a v1 client. The behaviour's annotation has Go's names of the fields, as upstream writes them.
 */
import { DecodeError } from '#machinery/codec/decode-error';
import { decodeJson } from '#machinery/codec/json-decode';
import type { KubeObject } from '#machinery/meta';
import { planOf } from '../../../codec.ts';

type Json = Record<string, unknown>;
interface Autoscaler extends KubeObject { spec?: Json; status?: Json }

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const ROUND_TRIP = [METRICS, CURRENT_METRICS, BEHAVIOR, CONDITIONS];
const DEFAULT_CPU_PERCENT = 80;

function cpuPercent(metric: Json, part: 'target' | 'current'): number | undefined {
  const resource = metric['resource'] as Json | undefined;
  if (metric['type'] !== 'Resource' || resource?.['name'] !== 'cpu') return undefined;
  return (resource[part] as Json | undefined)?.['averageUtilization'] as number | undefined;
}

function cpuMetric(percent: number): Json {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } };
}

function withoutRoundTrip(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !ROUND_TRIP.includes(key)));
}

export function toAutoscalerV1(object: KubeObject): KubeObject {
  const { metadata, spec = {}, status = {} } = object as Autoscaler;
  const { metrics, behavior, ...restSpec } = spec;
  const { currentMetrics, conditions, ...restStatus } = status;
  const wanted = (metrics ?? []) as Json[];
  const current = (currentMetrics ?? []) as Json[];
  const annotations = withoutRoundTrip(metadata.annotations);
  const others = wanted.filter((metric) => cpuPercent(metric, 'target') === undefined);
  if (others.length > 0) annotations[METRICS] = JSON.stringify(others.map((metric) => oldMetric(metric, 'target')));
  if (current.length > 0) annotations[CURRENT_METRICS] = JSON.stringify(current.map((metric) => oldMetric(metric, 'current')));
  if (behavior !== undefined && behavior !== null) annotations[BEHAVIOR] = JSON.stringify(goBehavior(behavior as Json));
  if (Array.isArray(conditions) && conditions.length > 0) annotations[CONDITIONS] = JSON.stringify(conditions);
  const percent = wanted.map((metric) => cpuPercent(metric, 'target')).find((one) => one !== undefined);
  const used = current.map((metric) => cpuPercent(metric, 'current')).filter((one) => one !== undefined).at(-1);
  const { annotations: _annotations, ...meta } = metadata;
  return {
    ...object, metadata: Object.keys(annotations).length === 0 ? meta : { ...meta, annotations },
    spec: { ...restSpec, ...(percent === undefined ? {} : { targetCPUUtilizationPercentage: percent }) },
    status: { currentReplicas: 0, ...restStatus, ...(used === undefined ? {} : { currentCPUUtilizationPercentage: used }) },
  } as KubeObject;
}

export function toAutoscalerV2(object: KubeObject): KubeObject {
  const { metadata, spec = {}, status = {} } = object as Autoscaler;
  const { targetCPUUtilizationPercentage: percent, ...restSpec } = spec;
  const { currentCPUUtilizationPercentage: used, ...restStatus } = status;
  const annotated = (key: string): unknown => {
    const text = metadata.annotations?.[key];
    if (text === undefined) return undefined;
    try { return JSON.parse(text) as unknown; } catch { return undefined; }
  };
  const others = annotated(METRICS);
  const metrics = (areObjects(others) ? typed({ spec: { metrics: others.map((metric) => newMetric(metric, 'target')) } })?.spec?.['metrics'] : undefined) as Json[] ?? [];
  if (typeof percent === 'number') metrics.push(cpuMetric(percent));
  if (metrics.length === 0) metrics.push(cpuMetric(DEFAULT_CPU_PERCENT));
  const behavior = typed({ spec: { behavior: plainBehavior(annotated(BEHAVIOR)) } })?.spec?.['behavior'];
  const currentText = annotated(CURRENT_METRICS);
  const current = areObjects(currentText) ? typed({ status: { currentMetrics: currentText.map((metric) => newMetric(metric, 'current')) } })?.status?.['currentMetrics']
    : typeof used === 'number' ? [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: used } } }] : undefined;
  const conditions = typed({ status: { conditions: annotated(CONDITIONS) } })?.status?.['conditions'];
  const annotations = withoutRoundTrip(metadata.annotations);
  const { annotations: _annotations, ...meta } = metadata;
  return {
    ...object, metadata: Object.keys(annotations).length === 0 ? meta : { ...meta, annotations },
    spec: { ...restSpec, metrics, ...(isFilled(behavior) ? { behavior } : {}) },
    status: { ...restStatus, ...(current === undefined ? {} : { currentMetrics: current }), ...(conditions === undefined ? {} : { conditions }) },
  } as KubeObject;
}

/** Annotations are the client's: what is not of v2's types counts as absent. */
function typed(object: { readonly spec?: Json; readonly status?: Json }): { readonly spec?: Json; readonly status?: Json } | undefined {
  try {
    return decodeJson(JSON.stringify(object), planOf('autoscaling/v2.HorizontalPodAutoscaler'), false).object;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function areObjects(value: unknown): value is Json[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
}

function isFilled(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && Object.values(value).some((one) => one !== null);
}

const GO_NAMES: Readonly<Record<string, string>> = {
  scaleUp: 'ScaleUp', scaleDown: 'ScaleDown', stabilizationWindowSeconds: 'StabilizationWindowSeconds', selectPolicy: 'SelectPolicy',
  policies: 'Policies', tolerance: 'Tolerance', type: 'Type', value: 'Value', periodSeconds: 'PeriodSeconds',
};

function goBehavior(behavior: Json): Json {
  const rules = (value: unknown): Json | null => {
    if (value === undefined || value === null) return null;
    const given = value as Json;
    return {
      StabilizationWindowSeconds: given['stabilizationWindowSeconds'] ?? null, SelectPolicy: given['selectPolicy'] ?? null,
      Policies: ((given['policies'] ?? null) as Json[] | null)?.map((policy) => ({ Type: policy['type'], Value: policy['value'], PeriodSeconds: policy['periodSeconds'] })) ?? null,
      Tolerance: given['tolerance'] ?? null,
    };
  };
  return { ScaleUp: rules(behavior['scaleUp']), ScaleDown: rules(behavior['scaleDown']) };
}

function plainBehavior(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainBehavior);
  if (typeof value !== 'object' || value === null) return value;
  const out: Json = {};
  for (const [key, inner] of Object.entries(value)) {
    const name = Object.keys(GO_NAMES).find((one) => one.toLowerCase() === key.toLowerCase());
    if (name !== undefined && inner !== null) out[name] = plainBehavior(inner);
  }
  return out;
}

type Side = 'target' | 'current';

function withoutAbsent(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}

/** The source of a metric or of its status: `Pods` has it in `pods`. */
function sourceField(type: unknown): string {
  return typeof type === 'string' ? `${type.charAt(0).toLowerCase()}${type.slice(1)}` : '';
}

/** A v2 metric in v1's shape: fields in v1's order, and quantities that are no pointers there never absent. */
function oldMetric(metric: Json, side: Side): Json {
  const field = sourceField(metric['type']);
  const source = (metric[field] ?? {}) as Json;
  const { value, averageValue, averageUtilization } = (source[side] ?? {}) as Json;
  const { name: metricName, selector } = (source['metric'] ?? {}) as Json;
  const { name, container, describedObject: target } = source;
  const isStatus = side === 'current';
  const shown: Json = {
    object: { target, metricName, [`${side}Value`]: value ?? '0', selector, averageValue },
    pods: { metricName, [`${side}AverageValue`]: averageValue ?? '0', selector },
    external: { metricName, metricSelector: selector, [`${side}Value`]: value ?? (isStatus ? '0' : undefined), [`${side}AverageValue`]: averageValue },
  }[field] ?? { name, [`${side}AverageUtilization`]: averageUtilization, [`${side}AverageValue`]: averageValue ?? (isStatus ? '0' : undefined), container };
  return { type: metric['type'], [field]: withoutAbsent(shown) };
}

/** A v1 metric in v2's shape. */
function newMetric(metric: Json, side: Side): Json {
  const field = sourceField(metric['type']);
  const source = (metric[field] ?? {}) as Json;
  const value = field === 'object' || field === 'external' ? source[`${side}Value`] : undefined;
  const averageValue = field === 'object' ? source['averageValue'] : source[`${side}AverageValue`];
  const averageUtilization = source[`${side}AverageUtilization`];
  const values = withoutAbsent({ ...(side === 'target' ? { type: targetType(field, { value, averageValue, averageUtilization }) } : {}),
    // An object's zero value beside an average is v1's absent one.
    value: field === 'object' && side === 'target' && averageValue !== undefined && value === '0' ? undefined : value, averageValue, averageUtilization });
  const named = withoutAbsent({ name: source['metricName'], selector: field === 'external' ? source['metricSelector'] : source['selector'] });
  const shown: Json = {
    object: { describedObject: source['target'], [side]: values, metric: named },
    pods: { metric: named, [side]: values },
    external: { metric: named, [side]: values },
  }[field] ?? withoutAbsent({ name: source['name'], container: source['container'], [side]: values });
  return { type: metric['type'], [field]: shown };
}

function targetType(field: string, { value, averageValue, averageUtilization }: Json): string {
  if (field === 'object') return averageValue === undefined ? 'Value' : 'AverageValue';
  if (field === 'external') return value === undefined ? 'AverageValue' : 'Value';
  return averageUtilization === undefined ? 'AverageValue' : 'Utilization';
}
