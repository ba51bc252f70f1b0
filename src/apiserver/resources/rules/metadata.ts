/**
 * What strategies add to the generic checks of metadata.
 *
 * The generic store checks metadata on create with the kind's name rule, and on update twice (as a whole, then what may not
 * change). Upstream's own validators repeat these checks on update, and clients see the causes as often; so do ours.
 */
import { path } from '#machinery/field-error';
import type { KubeObject } from '#machinery/meta';
import { type NameRule, nameIsDnsSubdomain, qualifiedNameFaults } from '#machinery/names';
import {
  validateAnnotations, validateLabelName, validateLabels, validateObjectMeta, validateObjectMetaUpdate,
} from '#machinery/validation/object-meta';
import type { Faults } from './faults.ts';

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

export function checkLabels(labels: Readonly<Record<string, string>> | undefined, place: string, faults: Faults): void {
  if (labels) faults.add(validateLabels(labels, path(place)));
}

export function checkLabelName(name: string | undefined, place: string, faults: Faults): void {
  faults.add(validateLabelName(name ?? '', path(place)));
}

export function checkAnnotations(annotations: Readonly<Record<string, string>> | undefined, place: string, faults: Faults): void {
  if (annotations) faults.add(validateAnnotations(annotations, path(place)));
}

/** A finalizer without a domain must be one of Kubernetes' own. */
export function checkFinalizer(name: string, place: string, faults: Faults): void {
  const texts = qualifiedNameFaults(name);
  faults.invalidAll(place, name, texts);
  checkStandardFinalizer(name, place, faults);
}

function checkStandardFinalizer(name: string, place: string, faults: Faults): void {
  if (!name.includes('/') && !STANDARD_FINALIZERS.includes(name)) {
    faults.invalid(place, name, 'name is neither a standard finalizer name nor is it fully qualified');
  }
}

/** On create, for the kinds whose finalizers are held to Kubernetes' names. */
export function checkFinalizers(object: KubeObject, faults: Faults): void {
  for (const [index, name] of (object.metadata.finalizers ?? []).entries()) {
    checkStandardFinalizer(name, `metadata.finalizers[${index}]`, faults);
  }
}

/** What a validator checks again on update: what may not change, and (with a rule) the metadata as a whole. */
export function checkMetaOnUpdate(object: KubeObject, old: KubeObject, faults: Faults,
  again?: { readonly namespaced: boolean; readonly nameRule?: NameRule }): void {
  faults.add(validateObjectMetaUpdate(object.metadata, old.metadata, path('metadata')));
  checkFinalizers(object, faults);
  if (again) checkMetaAgain(object, faults, again.namespaced, again.nameRule);
}

export function checkMetaAgain(object: KubeObject, faults: Faults, namespaced: boolean, nameRule: NameRule = nameIsDnsSubdomain): void {
  faults.add(validateObjectMeta(object.metadata, namespaced, nameRule, path('metadata')));
  checkFinalizers(object, faults);
}

/** For cluster-wide kinds whose validators look at the metadata again on update, but not at finalizers' domains. */
export function checkMetaWithName(object: KubeObject, faults: Faults, nameRule: NameRule = nameIsDnsSubdomain): void {
  faults.add(validateObjectMeta(object.metadata, false, nameRule, path('metadata')));
}

/** For kinds whose name must agree with the object: `rule` sees the name, or the prefix of a generated one. */
export function checkDerivedName({ metadata }: KubeObject, rule: NameRule, faults: Faults): void {
  if (metadata.generateName) faults.invalidAll('metadata.generateName', metadata.generateName, rule(metadata.generateName, true));
  if (metadata.name) faults.invalidAll('metadata.name', metadata.name, rule(metadata.name, false));
}
