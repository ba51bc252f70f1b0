/** Quota of resource claims: their number, and the devices they may take per device class. */
import type { ResourceClaim } from '#api/generated/resource/v1';
import { newQuantity } from '#machinery/quantity';
import type { Amounts } from './amounts.ts';
import type { QuotaEvaluator } from './quota-evaluator.ts';

const COUNT = 'count/resourceclaims.resource.k8s.io';
const CLASS_SUFFIX = '.deviceclass.resource.k8s.io/devices';
/** `allocationMode: All` may take as many as one claim can hold. */
const DEVICES_MAX = 32;

export const resourceClaimEvaluator: QuotaEvaluator = {
  handles: (operation, subresource) => operation === 'CREATE' && subresource === '',
  matchingResources: (names) => names.filter((name) => name === COUNT || name.endsWith(CLASS_SUFFIX)),
  matchesScope: () => false,
  usage(object): Amounts {
    const devices = new Map<string, number>();
    const add = (className: string, count: number): void => { devices.set(className, (devices.get(className) ?? 0) + count); };
    for (const { exactly, firstAvailable } of (object as ResourceClaim).spec.devices?.requests ?? []) {
      if (exactly !== undefined) add(exactly.deviceClassName, countOf(exactly));
      const worst = new Map<string, number>();
      for (const each of firstAvailable ?? []) worst.set(each.deviceClassName, Math.max(worst.get(each.deviceClassName) ?? 0, countOf(each)));
      for (const [className, count] of worst) add(className, count);
    }
    return { [COUNT]: newQuantity(1), ...Object.fromEntries([...devices].map(([name, count]) => [name + CLASS_SUFFIX, newQuantity(count)])) };
  },
};

function countOf({ allocationMode, count }: { allocationMode?: string; count?: number }): number {
  return allocationMode === 'All' ? DEVICES_MAX : count ?? 1;
}
