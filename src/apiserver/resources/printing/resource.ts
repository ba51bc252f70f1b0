/**
 * The tables of resource.k8s.io (dynamic resource allocation).
 */
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '#api/generated/resource/v1';
import type { DeviceTaintRule, ResourcePoolStatusRequest } from '#api/generated/resource/v1alpha3';
import type { TablePrinter } from '../definition.ts';
import { age, since } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

export const nameAndAgePrinter: TablePrinter<DeviceClass | ResourceClaimTemplate> = {
  columns: [NAME, AGE],
  cells: ({ metadata }, nowMs) => [metadata.name, age(metadata, nowMs)],
};

export const resourceClaimPrinter: TablePrinter<ResourceClaim> = {
  columns: [NAME, column('State', 'string', 'A summary of the current state (allocated, pending, reserved, etc.).'), AGE],
  cells: (claim, nowMs) => [claim.metadata.name, claimState(claim), age(claim.metadata, nowMs)],
};

function claimState({ metadata, status }: ResourceClaim): string {
  const states: string[] = [];
  const deleted = metadata.deletionTimestamp !== undefined;
  if (deleted) states.push('deleted');
  if (status?.allocation !== undefined) states.push('allocated', ...(status.reservedFor?.length ?? 0) > 0 ? ['reserved'] : []);
  else if (!deleted) states.push('pending');
  return states.join(',');
}

export const resourceSlicePrinter: TablePrinter<ResourceSlice> = {
  columns: [
    NAME,
    column('Node', 'string', 'Node that has the devices.'),
    column('Driver', 'string', 'Driver of the devices.'),
    column('Pool', 'string', 'Pool the devices belong to.'),
    AGE,
  ],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, spec.nodeName ?? '', spec.driver, spec.pool.name, age(metadata, nowMs)],
};

export const deviceTaintRulePrinter: TablePrinter<DeviceTaintRule> = {
  columns: [
    NAME,
    column('Key', 'string', 'Key of the taint.'),
    column('Value', 'string', 'Value of the taint.'),
    column('Effect', 'string', 'What the taint does to pods that do not tolerate it.'),
    column('TimeAdded', 'string', 'Time since the taint was added.'),
    AGE,
  ],
  cells({ metadata, spec: { taint } }, nowMs) {
    return [
      metadata.name, taint.key, taint.value ?? '', taint.effect, taint.timeAdded === undefined ? '' : since(taint.timeAdded, nowMs),
      age(metadata, nowMs),
    ];
  },
};

export const resourcePoolStatusRequestPrinter: TablePrinter<ResourcePoolStatusRequest> = {
  columns: [
    NAME,
    column('Driver', 'string', 'The driver to query pools for.'),
    column('Total', 'string', 'Total number of devices across all pools.'),
    column('Available', 'string', 'Number of available devices across all pools.'),
    column('Allocated', 'string', 'Number of allocated devices across all pools.'),
    column('Unavailable', 'string', 'Number of unavailable devices across all pools.'),
    column('Errors', 'string', 'Number of pools with validation errors.'),
    column('Pools', 'integer', 'Total number of matching pools.'),
    column('Status', 'string', 'Processing status.'),
    column('Completed', 'string', 'Time since the observation completed.'),
  ],
  cells({ metadata, spec, status }, nowMs) {
    const pools = status?.pools ?? [];
    const poolCount = status?.poolCount ?? 0;
    const outcome = status?.conditions?.find((one) => (one.type === 'Complete' || one.type === 'Failed') && one.status === 'True');
    let state = outcome?.type ?? 'Pending';
    if (state === 'Complete' && poolCount > pools.length) state = `Complete (${pools.length}/${poolCount} pools)`;
    const known = status !== undefined && outcome?.type !== 'Failed';
    const sum = (counts: (number | undefined)[]): string => (known ? String(counts.reduce<number>((total, count) => total + (count ?? 0), 0)) : '-');
    return [
      metadata.name, spec.driver, sum(pools.map((pool) => pool.totalDevices)), sum(pools.map((pool) => pool.availableDevices)),
      sum(pools.map((pool) => pool.allocatedDevices)), sum(pools.map((pool) => pool.unavailableDevices)),
      sum(pools.map((pool) => (pool.validationError === undefined ? 0 : 1))), poolCount, state,
      outcome?.type === 'Complete' ? since(outcome.lastTransitionTime, nowMs) : '<none>',
    ];
  },
};
