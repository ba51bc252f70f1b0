/**
 * autoscaling/v1 autoscalers as the stored autoscaling/v2 and back.
 *
 * v1 knows one CPU percentage; what else a v2 object holds travels in annotations, so that nothing is lost on the way through
 * a v1 client. The behaviour's annotation has Go's names of the fields, as upstream writes them.
 */
import type { KubeObject } from '#machinery/meta';

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
  const metrics: Json[] = Array.isArray(others) ? others.map((metric) => newMetric(metric as Json, 'target')) : [];
  if (typeof percent === 'number') metrics.push(cpuMetric(percent));
  if (metrics.length === 0) metrics.push(cpuMetric(DEFAULT_CPU_PERCENT));
  const behavior = annotated(BEHAVIOR);
  const currentText = annotated(CURRENT_METRICS);
  const current = Array.isArray(currentText) ? currentText.map((metric) => newMetric(metric as Json, 'current'))
    : typeof used === 'number' ? [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: used } } }] : undefined;
  const conditions = annotated(CONDITIONS);
  const annotations = withoutRoundTrip(metadata.annotations);
  const { annotations: _annotations, ...meta } = metadata;
  return {
    ...object, metadata: Object.keys(annotations).length === 0 ? meta : { ...meta, annotations },
    spec: { ...restSpec, metrics, ...(isFilled(behavior) ? { behavior: plainBehavior(behavior) } : {}) },
    status: { ...restStatus, ...(current === undefined ? {} : { currentMetrics: current }), ...(Array.isArray(conditions) ? { conditions } : {}) },
  } as KubeObject;
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

/** A v2 metric in v1's shape. */
function oldMetric(metric: Json, side: Side): Json {
  const type = metric['type'] as string;
  const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  const source = (metric[field] ?? {}) as Json;
  const values = (source[side] ?? {}) as Json;
  const named = (source['metric'] ?? {}) as Json;
  const name = (text: string): string => (side === 'target' ? `target${text}` : `current${text}`);
  switch (field) {
    case 'object': return { type, object: withoutAbsent({ target: source['describedObject'], metricName: named['name'], [side === 'target' ? 'targetValue' : 'currentValue']: values['value'] ?? '0', selector: named['selector'], averageValue: values['averageValue'] }) };
    case 'pods': return { type, pods: withoutAbsent({ metricName: named['name'], [name('AverageValue')]: values['averageValue'], selector: named['selector'] }) };
    case 'external': return { type, external: withoutAbsent({ metricName: named['name'], metricSelector: named['selector'], [name('Value')]: values['value'], [name('AverageValue')]: values['averageValue'] }) };
    default: return { type, [field]: withoutAbsent({ name: source['name'], [name('AverageUtilization')]: values['averageUtilization'], [name('AverageValue')]: values['averageValue'], container: source['container'] }) };
  }
}

/** A v1 metric in v2's shape. */
function newMetric(metric: Json, side: Side): Json {
  const type = metric['type'] as string;
  const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
  const source = (metric[field] ?? {}) as Json;
  const value = source[`${side}Value`];
  const averageValue = field === 'object' ? source['averageValue'] : source[`${side}AverageValue`];
  const averageUtilization = source[`${side}AverageUtilization`];
  const kind = side === 'current' ? undefined : averageUtilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  const values = withoutAbsent({ type: kind, value: averageValue === undefined || side === 'current' ? value : undefined, averageValue, averageUtilization });
  const named = withoutAbsent({ name: source['metricName'], selector: field === 'external' ? source['metricSelector'] : source['selector'] });
  switch (field) {
    case 'object': return { type, object: { describedObject: source['target'], [side]: values, metric: named } };
    case 'pods': return { type, pods: { metric: named, [side]: values } };
    case 'external': return { type, external: { metric: named, [side]: values } };
    default: return { type, [field]: withoutAbsent({ name: source['name'], container: source['container'], [side]: values }) };
  }
}
