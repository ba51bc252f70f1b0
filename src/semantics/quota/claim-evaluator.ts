/** Quota of persistent volume claims: their number and size, in all and per storage class. */
import type { PersistentVolumeClaim } from '#api/generated/core/v1';
import { compareQuantities, newQuantity, parseQuantity, scaledValue, type Quantity } from '#machinery/quantity';
import type { QuotaEvaluator } from './quota-evaluator.ts';
import { scopeSelects } from './scope.ts';

const COUNT = 'count/persistentvolumeclaims';
const RESOURCES = ['persistentvolumeclaims', 'requests.storage'];
const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export const claimEvaluator: QuotaEvaluator = {
  handles(_operation, subresource, object, old) {
    if (subresource === '') return true;
    if (subresource !== 'status' || old === undefined) return false;
    const key = (claim: PersistentVolumeClaim): string => JSON.stringify([claim.status?.allocatedResources?.['storage'], attributesClasses(claim)]);
    return key(object as PersistentVolumeClaim) !== key(old as PersistentVolumeClaim);
  },
  matchingResources: (names) => names.filter((name) =>
    name === COUNT || RESOURCES.includes(name) || RESOURCES.some((resource) => name.endsWith(CLASS_SUFFIX + resource))),
  matchesScope(selector, object) {
    if (selector.scopeName !== 'VolumeAttributesClass') return false;
    const classes = attributesClasses(object as PersistentVolumeClaim);
    return classes.length === 0 ? scopeSelects(selector, undefined) : classes.some((name) => scopeSelects(selector, name));
  },
  usage(object) {
    const claim = object as PersistentVolumeClaim;
    const className = claim.metadata.annotations?.[CLASS_ANNOTATION] ?? claim.spec?.storageClassName ?? '';
    const usage: Record<string, Quantity> = { persistentvolumeclaims: newQuantity(1), [COUNT]: newQuantity(1) };
    if (className !== '') usage[`${className}${CLASS_SUFFIX}persistentvolumeclaims`] = newQuantity(1);
    const size = storageOf(claim);
    if (size !== undefined) {
      usage['requests.storage'] = size;
      if (className !== '') usage[`${className}${CLASS_SUFFIX}requests.storage`] = size;
    }
    return usage;
  },
};

/** What is asked for, or what is being allocated where that is more; whole bytes. */
function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const asked = spec?.resources?.requests?.['storage'];
  if (asked === undefined) return undefined;
  const request = wholeBytes(parseQuantity(asked));
  const allocated = status?.allocatedResources?.['storage'];
  if (allocated === undefined) return request;
  const other = wholeBytes(parseQuantity(allocated));
  return compareQuantities(other, request) > 0 ? other : request;
}

function wholeBytes(quantity: Quantity): Quantity {
  return quantity.scale >= 0 ? quantity : newQuantity(scaledValue(quantity, 0), quantity.format);
}

function attributesClasses({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ''))].sort();
}
