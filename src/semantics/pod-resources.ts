/**
 * What a pod asks for as a whole: the sum over its containers, the peak of its init phase, overhead, pod-level resources.
 *
 *     regular a=100m b=200m, sidecar s=50m, init i=500m (after s)  →  max(100+200+50, 50+500) = 550m
 *
 * Init containers run one after another, beside the sidecars started before them; sidecars go on beside the regular ones.
 */
import type { Container, Pod } from '#api/generated/core/v1';
import { addQuantities, compareQuantities, isZeroQuantity, parseQuantity, type Quantity } from '#machinery/quantity';

export type ResourceAmounts = Record<string, Quantity>;

/** Pod-level resources may name only these (and huge pages). */
const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

export function podRequests(pod: Pod, options: { withoutOverhead?: boolean } = {}): ResourceAmounts {
  const total = containerTotals(pod, 'requests');
  overrideAtPodLevel(total, pod.spec?.resources?.requests);
  if (options.withoutOverhead !== true) addAll(total, parseAmounts(pod.spec?.overhead));
  return total;
}

/** A limit that some containers lack is the sum of the others'; overhead adds to those that are set. */
export function podLimits(pod: Pod): ResourceAmounts {
  const total = containerTotals(pod, 'limits');
  overrideAtPodLevel(total, pod.spec?.resources?.limits);
  for (const [name, quantity] of Object.entries(parseAmounts(pod.spec?.overhead))) {
    const current = total[name];
    if (current !== undefined && !isZeroQuantity(current)) total[name] = addQuantities(current, quantity);
  }
  return total;
}

export function parseAmounts(list: Readonly<Record<string, string>> | undefined): ResourceAmounts {
  const amounts: ResourceAmounts = {};
  for (const [name, text] of Object.entries(list ?? {})) amounts[name] = parseQuantity(text);
  return amounts;
}

/** Of the containers alone: without overhead and without what is set at the pod's level. */
export function containerTotals(pod: Pick<Pod, 'spec'>, list: 'requests' | 'limits'): ResourceAmounts {
  const total: ResourceAmounts = {};
  for (const container of pod.spec?.containers ?? []) addAll(total, amountsOf(container, list));
  const sidecars: ResourceAmounts = {};
  const initPeak: ResourceAmounts = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const own = amountsOf(container, list);
    if (container.restartPolicy === 'Always') {
      addAll(total, own);
      addAll(sidecars, own);
      raiseAll(initPeak, sidecars);
      continue;
    }
    const beside: ResourceAmounts = { ...own };
    addAll(beside, sidecars);
    raiseAll(initPeak, beside);
  }
  raiseAll(total, initPeak);
  return total;
}

function amountsOf(container: Container, list: 'requests' | 'limits'): ResourceAmounts {
  return parseAmounts(container.resources?.[list]);
}

function overrideAtPodLevel(total: ResourceAmounts, list: Readonly<Record<string, string>> | undefined): void {
  for (const [name, quantity] of Object.entries(parseAmounts(list))) if (isPodLevelResource(name)) total[name] = quantity;
}

function addAll(total: ResourceAmounts, more: ResourceAmounts): void {
  for (const [name, quantity] of Object.entries(more)) {
    const current = total[name];
    total[name] = current === undefined ? quantity : addQuantities(current, quantity);
  }
}

function raiseAll(total: ResourceAmounts, floor: ResourceAmounts): void {
  for (const [name, quantity] of Object.entries(floor)) {
    const current = total[name];
    if (current === undefined || compareQuantities(quantity, current) > 0) total[name] = quantity;
  }
}
