/** The rules of a claim's spec: persistent volume claims, ephemeral volumes and stateful sets' claim templates. */
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate, TypedObjectReference } from '#api/generated/core/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { checkAnnotations, checkLabels } from './metadata.ts';
import { checkPositiveQuantity, checkQuantityOf } from './resource-lists.ts';
import { checkLabelSelector } from './selectors.ts';

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

export interface ClaimRules {
  /** The stored claim already has label values in its selector that are invalid today. */
  readonly invalidSelectorValues?: boolean;
  /** The stored claim already refers to a source by its API group. */
  readonly anySourceGroup?: boolean;
}

export function checkAccessModes(modes: readonly string[] | undefined, place: string, faults: Faults): void {
  const known = (modes ?? []).filter((mode) => ACCESS_MODES.includes(mode));
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) faults.notSupported(place, mode, ACCESS_MODES);
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod')) {
    faults.forbidden(place, 'may not use ReadWriteOncePod with other access modes');
  }
}

export function checkClaimSpec(spec: PersistentVolumeClaimSpec, place: string, faults: Faults, rules: ClaimRules = {}): void {
  if (!spec.accessModes?.length) faults.required(`${place}.accessModes`, 'at least 1 access mode is required');
  checkLabelSelector(spec.selector, `${place}.selector`, faults, { anyValue: rules.invalidSelectorValues });
  checkAccessModes(spec.accessModes, `${place}.accessModes`, faults);
  const storage = spec.resources?.requests?.['storage'];
  const storageAt = `${place}.resources[storage]`;
  if (storage === undefined) faults.required(storageAt);
  else if (checkPositiveQuantity(storage, storageAt, faults)) checkQuantityOf('storage', storage, storageAt, faults);
  if (spec.storageClassName) faults.invalidAll(`${place}.storageClassName`, spec.storageClassName, dns1123SubdomainFaults(spec.storageClassName));
  if (spec.volumeMode !== undefined) faults.strictlyOneOf(`${place}.volumeMode`, spec.volumeMode, VOLUME_MODES);
  checkDataSource(spec.dataSource, `${place}.dataSource`, faults, rules);
  checkDataSource(spec.dataSourceRef, `${place}.dataSourceRef`, faults, rules);
  const { dataSource: source, dataSourceRef: ref } = spec;
  // The printed value is upstream's path object, which has no exported field.
  if (ref?.namespace) {
    if (source) faults.invalid(place, {}, 'may not be specified when dataSourceRef.namespace is specified');
  } else if (source && ref && (source.apiGroup !== ref.apiGroup || source.kind !== ref.kind || source.name !== ref.name)) {
    faults.invalid(place, {}, 'must match dataSourceRef');
  }
  const attributesClass = spec.volumeAttributesClassName;
  if (attributesClass) faults.invalidAll(`${place}.volumeAttributesClassName`, attributesClass, dns1123SubdomainFaults(attributesClass));
}

function checkDataSource(source: TypedObjectReference | undefined, place: string, faults: Faults, rules: ClaimRules): void {
  if (!source) return;
  if (!source.name) faults.required(`${place}.name`);
  if (!source.kind) faults.required(`${place}.kind`);
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    faults.invalid(place, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (source.apiGroup && !rules.anySourceGroup) faults.invalidAll(`${place}.apiGroup`, source.apiGroup, dns1123SubdomainFaults(source.apiGroup));
  if (source.namespace) faults.invalidAll(`${place}.namespace`, source.namespace, dns1123LabelFaults(source.namespace));
}

export function checkClaimTemplate(template: PersistentVolumeClaimTemplate, place: string, faults: Faults): void {
  checkTemplateMeta(template.metadata, `${place}.metadata`, faults);
  checkClaimSpec(template.spec ?? {}, `${place}.spec`, faults);
}

/** Metadata of a template that may carry labels and annotations only. */
export function checkTemplateMeta(metadata: PersistentVolumeClaimTemplate['metadata'], place: string, faults: Faults): void {
  checkAnnotations(metadata?.annotations, `${place}.annotations`, faults);
  checkLabels(metadata?.labels, `${place}.labels`, faults);
  for (const [field, value] of Object.entries(metadata ?? {})) {
    if (field === 'annotations' || field === 'labels' || value === undefined || value === null || value === '' || value === 0) continue;
    faults.forbidden(`${place}.${field}`, 'cannot be set');
  }
}
