/**
 * Reads the three metrics APIs: resources (`metrics.k8s.io`), custom (`custom.metrics.k8s.io`), external
 * (`external.metrics.k8s.io`). Values are in thousandths. A cluster may have none of them: each failure says which.
 */
import type { Client } from '#client/client';
import { queryText } from '#client/resource-path';
import { parseDurationMs } from '#machinery/duration';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { parseQuantity, quantityMilliValue } from '#machinery/quantity';
import { isNotFound } from '#machinery/status-error';

export interface PodMetric { readonly milli: number; readonly atMs: number; readonly windowMs: number }
export type PodMetrics = Map<string, PodMetric>;

export interface MetricsReader {
  /** By pod; only of that container when it is named. */
  resource(name: string, namespace: string, selector: string, container: string | undefined, signal: AbortSignal): Promise<PodMetrics>;
  pods(metric: string, namespace: string, selector: string, metricSelector: string, signal: AbortSignal): Promise<PodMetrics>;
  object(metric: string, namespace: string, path: string, metricSelector: string, signal: AbortSignal): Promise<number>;
  external(metric: string, namespace: string, metricSelector: string, signal: AbortSignal): Promise<number[]>;
}

interface ResourceMetrics extends KubeObject { timestamp: string; window: string; containers?: { name: string; usage: Record<string, string> }[] }
interface ExternalMetric extends KubeObject { value: string }
interface CustomList { items?: { describedObject: { name: string }; timestamp: string; windowSeconds?: number; value: string }[] }

const POD_METRICS: ResourceType<ResourceMetrics> = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods', kind: 'PodMetrics', namespaced: true };
const CUSTOM_VERSIONS = ['v1beta2', 'v1beta1'];
const DEFAULT_WINDOW_MS = 60_000;

export function metricsReader(client: Client): MetricsReader {
  async function custom(path: (version: string) => string, signal: AbortSignal): Promise<NonNullable<CustomList['items']>> {
    let failure: unknown;
    for (const version of CUSTOM_VERSIONS) {
      try {
        return (await client.raw<CustomList>('GET', `/apis/custom.metrics.k8s.io/${version}${path(version)}`, { signal })).items ?? [];
      } catch (error) {
        if (!isNotFound(error)) throw wrapped('custom', error);
        failure = error;
      }
    }
    throw wrapped('custom', failure);
  }

  return {
    async resource(name, namespace, selector, container, signal) {
      const { items } = await client.for(POD_METRICS, namespace).list({ labelSelector: selector, signal }).catch((error: unknown) => { throw wrapped('resource', error); });
      const metrics: PodMetrics = new Map();
      for (const item of items) {
        const used = (item.containers ?? []).filter((one) => container === undefined || one.name === container).map((one) => one.usage[name]);
        if (used.length === 0 || used.includes(undefined)) continue; // half a measurement is none
        const milli = used.reduce((sum, text) => sum + quantityMilliValue(parseQuantity(text!)), 0);
        metrics.set(item.metadata.name!, { milli, atMs: Date.parse(item.timestamp), windowMs: parseDurationMs(item.window) });
      }
      if (metrics.size === 0 && items.length === 0) throw new Error('no metrics returned from resource metrics API');
      return metrics;
    },
    async pods(metric, namespace, selector, metricSelector, signal) {
      const items = await custom(() => `/namespaces/${namespace}/pods/*/${metric}${queryText({ labelSelector: selector, metricLabelSelector: metricSelector })}`, signal);
      if (items.length === 0) throw new Error('no metrics returned from custom metrics API');
      return new Map(items.map((item) => [item.describedObject.name, {
        milli: quantityMilliValue(parseQuantity(item.value)), atMs: Date.parse(item.timestamp), windowMs: item.windowSeconds === undefined ? DEFAULT_WINDOW_MS : item.windowSeconds * 1000,
      }]));
    },
    async object(metric, namespace, path, metricSelector, signal) {
      const [item] = await custom(() => `/namespaces/${namespace}/${path}/${metric}${queryText({ metricLabelSelector: metricSelector })}`, signal);
      if (item === undefined) throw new Error('no metrics returned from custom metrics API');
      return quantityMilliValue(parseQuantity(item.value));
    },
    async external(metric, namespace, metricSelector, signal) {
      const type: ResourceType<ExternalMetric> = { group: 'external.metrics.k8s.io', version: 'v1beta1', resource: metric, kind: 'ExternalMetricValue', namespaced: true };
      const { items } = await client.for(type, namespace).list({ labelSelector: metricSelector, signal }).catch((error: unknown) => { throw wrapped('external', error); });
      if (items.length === 0) throw new Error('no metrics returned from external metrics API');
      return items.map((item) => quantityMilliValue(parseQuantity(item.value)));
    },
  };
}

function wrapped(api: string, cause: unknown): Error {
  return new Error(`unable to fetch metrics from ${api} metrics API: ${(cause as Error).message}`, { cause });
}
