/** One APIService per group version that this server answers itself, so that clients see what is available and in which order. */
import { apiservices, type APIService } from '#api/generated/apiregistration/v1';
import type { Client } from '#client/client';
import type { ResourceTable } from '../resource-table.ts';
import { ensure } from './system-objects.ts';

/** Group → priority; version → order within the group. */
const GROUP_PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000, apps: 17_800, 'events.k8s.io': 17_750, 'authentication.k8s.io': 17_700, 'authorization.k8s.io': 17_600, autoscaling: 17_500, batch: 17_400,
  'certificates.k8s.io': 17_300, 'networking.k8s.io': 17_200, policy: 17_100, 'rbac.authorization.k8s.io': 17_000, 'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700, 'admissionregistration.k8s.io': 16_700, 'scheduling.k8s.io': 16_600, 'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300, 'discovery.k8s.io': 16_200, 'flowcontrol.apiserver.k8s.io': 16_100, 'internal.apiserver.k8s.io': 16_000,
  'resource.k8s.io': 16_200, 'storagemigration.k8s.io': 15_800,
};
const VERSION_PRIORITIES: Readonly<Record<string, number>> = { '/v1': 1, 'autoscaling/v2': 30, 'flowcontrol.apiserver.k8s.io/v1': 21, 'resource.k8s.io/v1': 21 };
const CUSTOM_GROUP_PRIORITY = 1_000;
const DEFAULT_VERSION_PRIORITY = 100;

function versionPriority(group: string, version: string): number {
  const own = VERSION_PRIORITIES[`${group}/${version}`];
  if (own !== undefined) return own;
  if (GROUP_PRIORITIES[group] === undefined) return DEFAULT_VERSION_PRIORITY;
  return /^v\d+$/.test(version) ? 15 : version.includes('beta') ? 12 : 9;
}

export async function ensureApiServices(client: Client, table: ResourceTable, now: string, signal: AbortSignal): Promise<void> {
  const groups = table.groups().filter((group) => group !== 'apiregistration.k8s.io');
  await Promise.all(groups.flatMap((group) => table.versions(group).map((version) => ensureApiService(client, group, version, 'onstart', now, signal))));
}

/** @param managed how long it is kept: `onstart` of what is always there, `true` of what comes and goes. */
export async function ensureApiService(client: Client, group: string, version: string, managed: 'onstart' | 'true', now: string, signal: AbortSignal): Promise<void> {
  const service: APIService = {
    metadata: { name: `${version}.${group}`, labels: { 'kube-aggregator.kubernetes.io/automanaged': managed } },
    spec: {
      ...(group === '' ? {} : { group }), version, groupPriorityMinimum: GROUP_PRIORITIES[group] ?? CUSTOM_GROUP_PRIORITY, versionPriority: versionPriority(group, version),
    },
  };
  const created = await ensure(client, apiservices, service, signal);
  if (created === undefined) return;
  await client.for(apiservices).updateStatus({
    ...created, status: { conditions: [{ type: 'Available', status: 'True', lastTransitionTime: now, reason: 'Local', message: 'Local APIServices are always available' }] },
  }, { signal });
}
