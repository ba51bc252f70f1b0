/**
 * The quality-of-service class of a pod, from the CPU and memory of its containers (or of the pod itself, where set).
 */
import type { Pod, ResourceRequirements } from '#api/generated/core/v1';
import { compareQuantities, isZeroQuantity, parseQuantity } from '#machinery/quantity';
import { podLimits, podRequests } from './pod-resources.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const QOS_RESOURCES = ['cpu', 'memory'] as const;

/** What the API server wrote is final: resizing must not change the class. */
export function podQos(pod: Pod): QosClass {
  const written = pod.status?.qosClass;
  return written === 'Guaranteed' || written === 'Burstable' || written === 'BestEffort' ? written : computePodQos(pod);
}

export function computePodQos(pod: Pod): QosClass {
  if (pod.spec?.resources !== undefined && (isSet(pod.spec.resources.requests) || isSet(pod.spec.resources.limits))) return classOf([pod.spec.resources], pod);
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return classOf(containers.map((container) => container.resources ?? {}), pod);
}

function classOf(resources: readonly ResourceRequirements[], pod: Pod): QosClass {
  const anything = resources.some(({ requests, limits }) => isSet(requests) || isSet(limits));
  if (!anything) return 'BestEffort';
  const allLimited = resources.every(({ limits }) => QOS_RESOURCES.every((name) => nonZero(limits?.[name])));
  if (!allLimited) return 'Burstable';
  const requests = podRequests(pod, { withoutOverhead: true });
  const limits = podLimits({ ...pod, spec: { ...pod.spec!, overhead: {} } });
  const equal = QOS_RESOURCES.every((name) => requests[name] === undefined || (limits[name] !== undefined && compareQuantities(requests[name], limits[name]) === 0));
  return equal ? 'Guaranteed' : 'Burstable';
}

function isSet(list: Readonly<Record<string, string>> | undefined): boolean {
  return QOS_RESOURCES.some((name) => nonZero(list?.[name]));
}

function nonZero(text: string | undefined): boolean {
  return text !== undefined && !isZeroQuantity(parseQuantity(text));
}
