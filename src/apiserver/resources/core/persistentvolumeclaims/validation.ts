/** How a claim may change, and the rules of its status. */
import type { PersistentVolumeClaim } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { qualifiedNameFaults } from '#machinery/names';
import { isNativeResource } from '#semantics/resource-names';
import { unifiedDiff } from '../../rules/diff.ts';
import type { Faults } from '../../rules/faults.ts';
import { checkBasicQuantity, checkQuantityOf, compareTexts } from '../../rules/resource-lists.ts';

export const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const RESIZE_STATES = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending'].sort();

/** The class may move from the old annotation to the field, unchanged. */
function movedClass(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const before = old.metadata.annotations?.[CLASS_ANNOTATION];
  const now = claim.metadata.annotations?.[CLASS_ANNOTATION];
  return before !== undefined && old.spec?.storageClassName === undefined && claim.spec?.storageClassName === before && (now === undefined || now === before);
}

export function checkClaimChange(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, faults: Faults): void {
  const now = structuredClone(claim.spec!);
  const before = structuredClone(old.spec!);
  const isBound = claim.status?.phase === 'Bound';
  if (!before.volumeName && now.volumeName) before.volumeName = now.volumeName;
  if (movedClass(claim, old)) {
    delete now.storageClassName;
  } else {
    const oldAnnotation = old.metadata.annotations?.[CLASS_ANNOTATION];
    const annotation = claim.metadata.annotations?.[CLASS_ANNOTATION];
    if ((annotation ?? '') !== (oldAnnotation ?? '')) {
      faults.invalid(`metadata.annotations.${CLASS_ANNOTATION}`, annotation ?? '', 'field is immutable');
    }
    const isFirstClass = before.storageClassName === undefined && now.storageClassName !== undefined
      && (oldAnnotation === undefined || now.storageClassName === oldAnnotation);
    if (isFirstClass) delete now.storageClassName;
  }
  const oldSize = old.spec?.resources?.requests?.['storage'];
  if (isBound && now.resources?.requests) now.resources.requests['storage'] = oldSize ?? '0';
  if (isBound) {
    if (before.volumeAttributesClassName === undefined) delete now.volumeAttributesClassName;
    else now.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  if (!semanticEqual(now, before)) {
    faults.forbidden('spec',
      `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${unifiedDiff(before, now)}`);
  }
  const newSize = claim.spec?.resources?.requests?.['storage'];
  // Shrinking back is for recovery from a growth that failed: not below what the volume already has.
  if (compareTexts(newSize, oldSize) < 0 && compareTexts(newSize, old.status?.capacity?.['storage']) <= 0) {
    faults.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity');
  }
  if (claim.spec?.volumeMode !== old.spec?.volumeMode) faults.invalid('volumeMode', claim.spec?.volumeMode ?? null, 'field is immutable');
  checkAttributesClass(claim, old, faults);
}

function checkAttributesClass(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, faults: Faults): void {
  const now = claim.spec?.volumeAttributesClassName;
  if (now === old.spec?.volumeAttributesClassName || old.status?.currentVolumeAttributesClassName === undefined) return;
  const text = (what: string): string => `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  if (now === undefined) faults.forbidden('spec.volumeAttributesClassName', text('nil'));
  else if (now === '') faults.forbidden('spec.volumeAttributesClassName', text('empty string'));
}

export function checkClaimStatus(claim: PersistentVolumeClaim, faults: Faults): void {
  const { status = {} } = claim;
  if (!claim.metadata.resourceVersion) faults.required('resourceVersion');
  if (!claim.spec?.accessModes?.length) faults.required('Spec.accessModes');
  for (const [name, text] of Object.entries(status.capacity ?? {})) checkBasicQuantity(text, `status.capacity[${name}]`, faults);
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    checkResourceKey(name, 'status.allocatedResourceStatuses', faults);
    if (!RESIZE_STATES.includes(state)) faults.notSupported('status.allocatedResourceStatuses', name, RESIZE_STATES);
  }
  for (const [name, text] of Object.entries(status.allocatedResources ?? {})) {
    const at = `status.allocatedResources[${name}]`;
    const before = faults.count;
    checkResourceKey(name, 'status.allocatedResources', faults);
    if (faults.count === before) checkBasicQuantity(text, at, faults);
    if (faults.count === before) checkQuantityOf('storage', text, at, faults);
  }
}

function checkResourceKey(name: string, place: string, faults: Faults): void {
  const texts = qualifiedNameFaults(name);
  faults.invalidAll(place, name, texts);
  if (texts.length === 0 && isNativeResource(name) && name !== 'storage') faults.notSupported(place, name, ['storage']);
}
