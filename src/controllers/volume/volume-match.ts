/** Which persistent volume serves a claim best. Pure. */
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/core/v1';
import { compareQuantities, parseQuantity, ZERO_QUANTITY, type Quantity } from '#machinery/quantity';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** '' when there is none. */
export function classOf(object: PersistentVolume | PersistentVolumeClaim): string {
  return object.metadata.annotations?.[CLASS_ANNOTATION] ?? object.spec?.storageClassName ?? '';
}

export function capacityOf(volume: PersistentVolume): Quantity {
  const text = volume.spec?.capacity?.['storage'];
  return text === undefined ? ZERO_QUANTITY : parseQuantity(text);
}

function requestOf(claim: PersistentVolumeClaim): Quantity {
  const text = claim.spec?.resources?.requests?.['storage'];
  return text === undefined ? ZERO_QUANTITY : parseQuantity(text);
}

/** Reserved for this claim, or bound to it. */
export function isMeantFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = volume.spec?.claimRef;
  return reference !== undefined && reference.name === claim.metadata.name && reference.namespace === claim.metadata.namespace && (!reference.uid || reference.uid === claim.metadata.uid);
}

/** Why this volume cannot serve this claim; undefined when it can. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (compareQuantities(capacityOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match';
  if ((volume.spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) return 'incompatible volumeMode';
  if (!(claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode) === true)) return 'incompatible accessMode';
  return undefined;
}

/** The smallest that fits; one reserved for the claim before all. @param onlyReserved the claim waits for its first consumer. */
export function bestVolume(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], onlyReserved: boolean): PersistentVolume | undefined {
  const selector = claim.spec?.selector === undefined ? [] : labelSelectorOf(claim.spec.selector);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (volume.metadata.deletionTimestamp !== undefined || mismatch(volume, claim) !== undefined) continue;
    if (isMeantFor(volume, claim)) return volume;
    if (onlyReserved || volume.spec?.claimRef !== undefined || volume.status?.phase !== 'Available' || !labelsMatch(selector, volume.metadata.labels)) continue;
    const smaller = best === undefined ? -1 : compareQuantities(capacityOf(volume), capacityOf(best));
    if (smaller < 0 || (smaller === 0 && volume.metadata.name! < best!.metadata.name!)) best = volume;
  }
  return best;
}
