/**
 * Validation of `metadata`, the same for every kind but for the rule of its names.
 */
import { semanticEqual } from '../deep-equal.ts';
import { forbidden, invalid, required, tooLong } from '../field-error.ts';
import type { FieldError, FieldPath } from '../field-error.ts';
import { quote } from '../go-print.ts';
import { formatGvk, gvkOf } from '../gvk.ts';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../meta.ts';
import { byteLength, dns1123LabelFaults, labelValueFaults, qualifiedNameFaults } from '../names.ts';
import type { NameRule } from '../names.ts';
import { validateFieldManager } from './request-options.ts';

/** Keys and values of all annotations together. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;
const SUBRESOURCE_NAME_BYTES_MAX = 256;
const FINALIZER_ORPHAN = 'orphan';
const FINALIZER_FOREGROUND = 'foregroundDeletion';

export const IMMUTABLE_FIELD = 'field is immutable';
const NEGATIVE_VALUE = 'must be greater than or equal to 0';

export function validateObjectMeta(meta: ObjectMeta, namespaced: boolean, nameRule: NameRule, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName) {
    for (const fault of nameRule(meta.generateName, true)) errors.push(invalid(at.child('generateName'), meta.generateName, fault));
  }
  if (!meta.name) {
    errors.push(required(at.child('name'), 'name or generateName is required'));
  } else {
    for (const fault of nameRule(meta.name, false)) errors.push(invalid(at.child('name'), meta.name, fault));
  }
  if (!namespaced) {
    if (meta.namespace) errors.push(forbidden(at.child('namespace'), 'not allowed on this type'));
  } else if (!meta.namespace) {
    errors.push(required(at.child('namespace')));
  } else {
    for (const fault of dns1123LabelFaults(meta.namespace)) errors.push(invalid(at.child('namespace'), meta.namespace, fault));
  }
  errors.push(
    ...validateNonNegative(meta.generation ?? 0, at.child('generation')),
    ...validateLabels(meta.labels, at.child('labels')),
    ...validateAnnotations(meta.annotations, at.child('annotations')),
    ...validateOwnerReferences(meta.ownerReferences ?? [], at.child('ownerReferences')),
    ...validateFinalizers(meta.finalizers ?? [], at.child('finalizers')),
    ...validateManagedFields(meta.managedFields ?? [], at.child('managedFields')),
  );
  return errors;
}

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) errors.push(...validateNoNewFinalizers(meta.finalizers ?? [], old.finalizers ?? [], at.child('finalizers')));
  if (!meta.resourceVersion) errors.push(invalid(at.child('resourceVersion'), '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid(at.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  errors.push(
    ...validateImmutable(meta.name ?? '', old.name ?? '', at.child('name')),
    ...validateImmutable(meta.namespace ?? '', old.namespace ?? '', at.child('namespace')),
    ...validateImmutable(meta.uid ?? '', old.uid ?? '', at.child('uid')),
    ...validateImmutable(meta.creationTimestamp ?? null, old.creationTimestamp ?? null, at.child('creationTimestamp')),
    ...validateImmutable(meta.deletionTimestamp ?? null, old.deletionTimestamp ?? null, at.child('deletionTimestamp')),
    ...validateImmutable(meta.deletionGracePeriodSeconds ?? null, old.deletionGracePeriodSeconds ?? null, at.child('deletionGracePeriodSeconds')),
    ...validateLabels(meta.labels, at.child('labels')),
    ...validateAnnotations(meta.annotations, at.child('annotations')),
    ...validateOwnerReferences(meta.ownerReferences ?? [], at.child('ownerReferences')),
    ...validateManagedFields(meta.managedFields ?? [], at.child('managedFields')),
  );
  return errors;
}

export function validateImmutable(value: unknown, old: unknown, at: FieldPath): FieldError[] {
  return semanticEqual(value, old) ? [] : [invalid(at, value, IMMUTABLE_FIELD)];
}

function validateNonNegative(value: number, at: FieldPath): FieldError[] {
  return value < 0 ? [invalid(at, value, NEGATIVE_VALUE)] : [];
}

export function validateLabelName(name: string, at: FieldPath): FieldError[] {
  return qualifiedNameFaults(name).map((fault) => invalid(at, name, fault));
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    errors.push(...validateLabelName(key, at));
    const value = labels[key]!;
    for (const fault of labelValueFaults(value)) errors.push(invalid(at, value, fault));
  }
  return errors;
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const key in annotations) {
    for (const fault of qualifiedNameFaults(key.toLowerCase())) errors.push(invalid(at, key, fault));
    size += byteLength(key) + byteLength(annotations[key]!);
  }
  if (size > ANNOTATIONS_BYTES_MAX) errors.push(tooLong(at, ANNOTATIONS_BYTES_MAX));
  return errors;
}

function validateOwnerReferences(references: readonly OwnerReference[], at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  for (const reference of references) {
    errors.push(...validateOwnerReference(reference, at));
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller !== '') {
      errors.push(invalid(at, references, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`));
    } else {
      controller = name;
    }
  }
  return errors;
}

function validateOwnerReference(reference: OwnerReference, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const gvk = gvkOf(reference.apiVersion, reference.kind);
  if (gvk.version === '') errors.push(invalid(at.child('apiVersion'), reference.apiVersion ?? '', 'version must not be empty'));
  for (const name of ['kind', 'name', 'uid'] as const) {
    if (!reference[name]) errors.push(invalid(at.child(name), '', 'must not be empty'));
  }
  if (gvk.group === '' && gvk.version === 'v1' && gvk.kind === 'Event') {
    errors.push(invalid(at, reference, `${formatGvk(gvk)} is disallowed from being an owner`));
  }
  return errors;
}

function validateFinalizerName(name: string, at: FieldPath): FieldError[] {
  return qualifiedNameFaults(name).map((fault) => invalid(at, name, fault));
}

function validateFinalizers(finalizers: readonly string[], at: FieldPath): FieldError[] {
  const errors = finalizers.flatMap((finalizer) => validateFinalizerName(finalizer, at));
  if (finalizers.includes(FINALIZER_ORPHAN) && finalizers.includes(FINALIZER_FOREGROUND)) {
    errors.push(invalid(at, finalizers, `finalizer ${FINALIZER_ORPHAN} and ${FINALIZER_FOREGROUND} cannot be both set`));
  }
  return errors;
}

function validateNoNewFinalizers(finalizers: readonly string[], old: readonly string[], at: FieldPath): FieldError[] {
  const extra = [...new Set(finalizers)].filter((finalizer) => !old.includes(finalizer)).sort();
  if (extra.length === 0) return [];
  return [forbidden(at, `no new finalizers can be added if the object is being deleted, found new finalizers []string{${extra.map(quote).join(', ')}}`)];
}

function validateManagedFields(entries: readonly ManagedFieldsEntry[], at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, entry] of entries.entries()) {
    const here = at.index(index);
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(invalid(here.child('operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(invalid(here.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...validateFieldManager(entry.manager ?? '', here.child('manager')));
    if (byteLength(entry.subresource ?? '') > SUBRESOURCE_NAME_BYTES_MAX) {
      errors.push(tooLong(here.child('subresource'), SUBRESOURCE_NAME_BYTES_MAX));
    }
  }
  return errors;
}
