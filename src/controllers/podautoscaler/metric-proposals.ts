/** What each metric of an autoscaler proposes, its status, and upstream's texts when it cannot say. */
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '#api/generated/autoscaling/v2';
import type { Pod } from '#api/generated/core/v1';
import type { KindResolver } from '#client/discovery';
import { formatQuantity, newMilliQuantity, newQuantity, parseQuantity, quantityMilliValue } from '#machinery/quantity';
import { formatLabelSelector, labelSelectorOf } from '#machinery/selector/label-selector';
import { selectorText } from '#semantics/selector-text';
import type { MetricsReader } from './metrics-reader.ts';
import { countByAverage, countByShare, countByTotal, countByUtilization, requestsOf, type CountInput, type Tolerances } from './replica-count.ts';

export interface Proposal { readonly replicas: number; readonly name: string; readonly status: MetricStatus }

/** `reason` is that of the condition and event; the message names the metric. */
export class MetricError extends Error {
  readonly reason: string;
  readonly conditionText: string;
  constructor(reason: string, conditionText: string, message: string) {
    super(message);
    this.reason = reason;
    this.conditionText = conditionText;
  }
}

export interface ProposalInput {
  readonly hpa: HorizontalPodAutoscaler;
  readonly reader: MetricsReader;
  readonly kinds: KindResolver;
  readonly pods: readonly Pod[];
  /** Text of the target's pod selector. */
  readonly selector: string;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly tolerances: Tolerances;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

const milliText = (milli: number): string => formatQuantity(newMilliQuantity(Math.trunc(milli)));
const targetMilli = (text: string): number => quantityMilliValue(parseQuantity(text));
const metricSelector = (selector: Parameters<typeof labelSelectorOf>[0]): string => (selector === undefined ? '' : formatLabelSelector(labelSelectorOf(selector)));

/** @throws MetricError */
export async function propose(spec: MetricSpec, input: ProposalInput): Promise<Proposal> {
  switch (spec.type) {
    case 'Resource': return failing('FailedGetResourceMetric', `failed to get ${spec.resource!.name} resource metric value`, () => resource(spec.resource!, undefined, input, (current) => ({ type: 'Resource', resource: { name: spec.resource!.name, current } })));
    case 'ContainerResource': {
      const { name, container } = spec.containerResource!;
      return failing('FailedGetContainerResourceMetric', `failed to get ${container} container metric value`, () => resource(spec.containerResource!, container, input, (current) => ({ type: 'ContainerResource', containerResource: { name, container, current } })));
    }
    case 'Pods': return failing('FailedGetPodsMetric', 'failed to get pods metric value', () => podsMetric(spec.pods!, input));
    case 'Object': return failing('FailedGetObjectMetric', 'failed to get object metric value', () => objectMetric(spec.object!, input));
    case 'External': return failing('FailedGetExternalMetric', `failed to get ${spec.external!.metric.name} external metric value: failed to get external metric ${spec.external!.metric.name}`, () => externalMetric(spec.external!, input));
    default: throw new MetricError('InvalidMetricSourceType', `unknown metric source type "${spec.type}"`, `unknown metric source type "${spec.type}"`);
  }
}

async function failing(reason: string, prefix: string, work: () => Promise<Proposal>): Promise<Proposal> {
  try {
    return await work();
  } catch (error) {
    const text = (error as Error).message;
    throw new MetricError(reason, text, `${prefix}: ${text}`);
  }
}

async function resource(source: { name: string; target: MetricTarget }, container: string | undefined, input: ProposalInput, statusOf: (current: MetricValueStatus) => MetricStatus): Promise<Proposal> {
  const { name, target } = source;
  const what = target.averageValue !== undefined ? 'usage' : 'utilization';
  const valueText = (milli: number): string => (name === 'memory' ? formatQuantity(newQuantity(Math.trunc(milli / 1000), 'BinarySI')) : milliText(milli));
  try {
    const metrics = await input.reader.resource(name, input.hpa.metadata.namespace!, input.selector, container, input.signal)
      .catch((error: unknown) => { throw new Error(`unable to get metrics for resource ${name}: ${(error as Error).message}`); });
    const counted: CountInput = { pods: input.pods, metrics, current: input.specReplicas, tolerances: input.tolerances, isCpu: name === 'cpu', nowMs: input.nowMs };
    if (target.averageValue !== undefined) {
      const { replicas, averageMilli } = countByAverage(counted, targetMilli(target.averageValue));
      return { replicas, name: `${name} resource`, status: statusOf({ averageValue: valueText(averageMilli) }) };
    }
    const { replicas, averageMilli, utilization } = countByUtilization(counted, target.averageUtilization!, requestsOf(input.pods, name, container));
    const label = container === undefined ? 'resource utilization' : 'container resource utilization';
    return { replicas, name: `${name} ${label} (percentage of request)`, status: statusOf({ averageUtilization: utilization!, averageValue: valueText(averageMilli) }) };
  } catch (error) {
    throw new Error(`failed to get ${name} ${what}: ${(error as Error).message}`);
  }
}

async function podsMetric(source: NonNullable<MetricSpec['pods']>, input: ProposalInput): Promise<Proposal> {
  const { metric, target } = source;
  const metrics = await input.reader.pods(metric.name, input.hpa.metadata.namespace!, input.selector, metricSelector(metric.selector), input.signal)
    .catch((error: unknown) => { throw new Error(`unable to get metric ${metric.name}: ${(error as Error).message}`); });
  const { replicas, averageMilli } = countByAverage({ pods: input.pods, metrics, current: input.specReplicas, tolerances: input.tolerances, isCpu: false, nowMs: input.nowMs }, targetMilli(target.averageValue!));
  return { replicas, name: `pods metric ${metric.name}`, status: { type: 'Pods', pods: { metric, current: { averageValue: milliText(averageMilli) } } } };
}

async function objectMetric(source: NonNullable<MetricSpec['object']>, input: ProposalInput): Promise<Proposal> {
  const { metric, target, describedObject } = source;
  const namespace = input.hpa.metadata.namespace!;
  let usage: number;
  try {
    const type = await input.kinds.resolve(describedObject.apiVersion ?? 'v1', describedObject.kind, input.signal);
    const path = `${type.resource}${type.group === '' ? '' : `.${type.group}`}/${describedObject.name}`;
    usage = await input.reader.object(metric.name, namespace, path, metricSelector(metric.selector), input.signal);
  } catch (error) {
    throw new Error(`unable to get metric ${metric.name}: ${(error as Error).message} on ${describedObject.kind} ${namespace}/${describedObject.name}`);
  }
  const name = `${describedObject.kind} metric ${metric.name}`;
  const status = (current: MetricValueStatus): MetricStatus => ({ type: 'Object', object: { metric, describedObject, current } });
  if (target.value !== undefined) return { replicas: countByTotal(usage, targetMilli(target.value), input.specReplicas, input.pods, input.tolerances), name, status: status({ value: milliText(usage) }) };
  const { replicas, averageMilli } = countByShare(usage, targetMilli(target.averageValue!), input.statusReplicas, input.tolerances);
  return { replicas, name, status: status({ averageValue: milliText(averageMilli) }) };
}

async function externalMetric(source: NonNullable<MetricSpec['external']>, input: ProposalInput): Promise<Proposal> {
  const { metric, target } = source;
  const namespace = input.hpa.metadata.namespace!;
  const values = await input.reader.external(metric.name, namespace, metricSelector(metric.selector), input.signal)
    .catch((error: unknown) => { throw new Error(`unable to get external metric ${namespace}/${metric.name}/${selectorText(metric.selector)}: ${(error as Error).message}`); });
  const usage = values.reduce((sum, value) => sum + value, 0);
  const name = `external metric ${metric.name}(${selectorText(metric.selector)})`;
  const status = (current: MetricValueStatus): MetricStatus => ({ type: 'External', external: { metric, current } });
  if (target.averageValue !== undefined) {
    const { replicas, averageMilli } = countByShare(usage, targetMilli(target.averageValue), input.statusReplicas, input.tolerances);
    return { replicas, name, status: status({ averageValue: milliText(averageMilli) }) };
  }
  return { replicas: countByTotal(usage, targetMilli(target.value!), input.specReplicas, input.pods, input.tolerances), name, status: status({ value: milliText(usage) }) };
}
