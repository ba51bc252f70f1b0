/** Defaults that only pods get, not templates: requests from limits, pod-level resources, host ports, service links. */
import type { Pod, PodSpec } from '#api/generated/core/v1';
import { formatQuantity } from '#machinery/quantity';
import { containerTotals } from '#semantics/pod-resources';
import { isHugePages, isOvercommitAllowed, isPodLevelResource } from '#semantics/resource-names';
import { defaultPodSpec } from '../../rules/pod-defaults.ts';
import { roundUpResources } from '../../rules/resource-lists.ts';

/** Annotations of init containers from before they were fields. */
const DROPPED_ANNOTATIONS = ['pod.beta.kubernetes.io/init-container-statuses', 'pod.alpha.kubernetes.io/init-container-statuses',
  'pod.beta.kubernetes.io/init-containers', 'pod.alpha.kubernetes.io/init-containers'];

export function defaultPod(pod: Pod): void {
  pod.spec ??= { containers: [] };
  const { spec, status } = pod;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const { limits, requests } = container.resources ?? {};
    if (limits) container.resources!.requests = { ...limits, ...requests };
  }
  defaultHugePagesLimits(spec);
  defaultPodRequests(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
    }
  }
  defaultPodSpec(spec);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const key of DROPPED_ANNOTATIONS) delete pod.metadata.annotations?.[key];
  // Old kubelets know podIP only: where the two differ, it wins.
  if (status?.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  if (status?.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
  for (const list of ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'] as const) {
    for (const container of status?.[list] ?? []) {
      roundUpResources(container.allocatedResources);
      roundUpResources(container.resources?.limits);
      roundUpResources(container.resources?.requests);
    }
  }
}

/** With resources set for the pod, the containers' huge pages become the pod's limit. */
function defaultHugePagesLimits(spec: PodSpec): void {
  const { limits, requests } = spec.resources ?? {};
  if (Object.keys(limits ?? {}).length === 0 && Object.keys(requests ?? {}).length === 0) return;
  for (const [name, total] of Object.entries(containerTotals({ spec }, 'limits'))) {
    if (!isHugePages(name) || requests?.[name] !== undefined || limits?.[name] !== undefined) continue;
    spec.resources!.limits = { ...spec.resources!.limits, [name]: formatQuantity(total) };
  }
}

/** With limits set for the pod, its requests are the containers' together, or else the limit. */
function defaultPodRequests(spec: PodSpec): void {
  const limits = spec.resources?.limits ?? {};
  if (Object.keys(limits).length === 0) return;
  const requests: Record<string, string> = { ...spec.resources!.requests };
  for (const [name, total] of Object.entries(containerTotals({ spec }, 'requests'))) {
    if (isPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= formatQuantity(total);
  }
  for (const [name, limit] of Object.entries(limits)) if (isPodLevelResource(name)) requests[name] ??= limit;
  if (Object.keys(requests).length > 0) spec.resources!.requests = requests;
}
