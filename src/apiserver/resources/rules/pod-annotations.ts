/** Annotations with a meaning to pods, and how they must agree with the fields that replaced them. */
import type { AppArmorProfile, Container, PodSpec, SeccompProfile, Toleration } from '#api/generated/core/v1';
import { checkTolerations } from './affinity.ts';
import type { Faults } from './faults.ts';
import type { PodRules } from './pod-rules.ts';
import { isDeletionCost } from './tolerated-faults.ts';
import { checkLocalDescendingPath } from './volume-sources.ts';

type Annotations = Readonly<Record<string, string>>;

export const MIRROR_POD = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
export const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
export const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
export const APP_ARMOR_CONTAINER = 'container.apparmor.security.beta.kubernetes.io/';

/** Init, main and ephemeral containers with their places. */
export function containersWithPlaces(spec: PodSpec, place: string): [Container, string][] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const)
    .flatMap((list) => (spec[list] ?? []).map((container, index): [Container, string] => [container as Container, `${place}.${list}[${index}]`]));
}

export function checkPodAnnotations(annotations: Annotations | undefined, spec: PodSpec, place: string, faults: Faults, rules: PodRules): void {
  if (!annotations) return;
  const mirror = annotations[MIRROR_POD];
  if (mirror !== undefined && !spec.nodeName) {
    faults.invalid(`${place}[${MIRROR_POD}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set');
  }
  if (annotations[TOLERATIONS]) checkTolerationsAnnotation(annotations[TOLERATIONS], place, faults, rules);
  if (rules.gate('PodDeletionCost') && !rules.tolerated.badDeletionCost && !isDeletionCost(annotations[DELETION_COST])) {
    faults.invalid(`${place}[${DELETION_COST}]`, annotations[DELETION_COST], 'must be a 32bit integer');
  }
  for (const [key, profile] of Object.entries(annotations)) {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) checkSeccompAnnotation(profile, `${place}.${key}`, faults);
    if (key.startsWith(APP_ARMOR_CONTAINER)) checkAppArmorAnnotation(key, profile, spec, place, faults);
  }
}

function checkTolerationsAnnotation(text: string, place: string, faults: Faults, rules: PodRules): void {
  let tolerations: unknown;
  try {
    tolerations = JSON.parse(text);
  } catch {
    return faults.invalid(place, TOLERATIONS, `invalid character '${text[0]}' looking for beginning of value`);
  }
  if (!Array.isArray(tolerations)) return;
  checkTolerations(tolerations as Toleration[], `${place}.${TOLERATIONS}`, faults, rules.gate('TaintTolerationComparisonOperators'));
}

function checkSeccompAnnotation(profile: string, place: string, faults: Faults): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return;
  if (profile.startsWith('localhost/')) checkLocalDescendingPath(profile.slice('localhost/'.length), place, faults);
  else faults.invalid(place, profile, 'must be a valid seccomp profile');
}

function checkAppArmorAnnotation(key: string, profile: string, spec: PodSpec, place: string, faults: Faults): void {
  const name = key.slice(APP_ARMOR_CONTAINER.length);
  if (!containersWithPlaces(spec, '').some(([container]) => container.name === name)) faults.invalid(`${place}[${key}]`, name, 'container not found');
  if (profile !== '' && profile !== 'runtime/default' && profile !== 'unconfined' && !profile.startsWith('localhost/')) {
    faults.invalid(`${place}[${key}]`, profile, `invalid AppArmor profile name: "${profile}"`);
  }
}

/** What may not be added, changed or removed once the pod exists. */
export function checkPodAnnotationChanges(annotations: Annotations = {}, old: Annotations = {}, place: string, faults: Faults): void {
  for (const key of Object.keys(old)) {
    if (annotations[key] === old[key]) continue;
    if (key.startsWith(APP_ARMOR_CONTAINER)) faults.forbidden(`${place}[${key}]`, 'may not remove or update AppArmor annotations');
    if (key === MIRROR_POD) faults.forbidden(`${place}[${key}]`, 'may not remove or update mirror pod annotation');
  }
  for (const key of Object.keys(annotations)) {
    if (key in old) continue;
    if (key.startsWith(APP_ARMOR_CONTAINER)) faults.forbidden(`${place}[${key}]`, 'may not add AppArmor annotations');
    if (key === MIRROR_POD) faults.forbidden(`${place}[${key}]`, 'may not add mirror pod annotation');
  }
}

/** Old annotation and new field must say the same. */
export function checkProfilesAgree(annotations: Annotations | undefined, spec: PodSpec, place: string, faults: Faults): void {
  if (!annotations) return;
  const podAnnotation = annotations[SECCOMP_POD];
  const podSeccomp = spec.securityContext?.seccompProfile;
  if (podAnnotation !== undefined && podSeccomp) checkAgrees('seccomp', podAnnotation, podSeccomp, `${place}.securityContext.seccompProfile`, faults);
  for (const [container, at] of containersWithPlaces(spec, place)) {
    const seccomp = container.securityContext?.seccompProfile;
    const annotation = annotations[SECCOMP_CONTAINER + container.name];
    if (annotation !== undefined && seccomp) checkAgrees('seccomp', annotation, seccomp, `${at}.securityContext.seccompProfile`, faults);
  }
  if (spec.os?.name === 'windows') return;
  for (const [container, at] of containersWithPlaces(spec, place)) {
    const profile = container.securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    const annotation = annotations[APP_ARMOR_CONTAINER + container.name];
    if (annotation !== undefined && profile) checkAgrees('apparmor', annotation, profile, `${at}.securityContext.appArmorProfile`, faults);
  }
}

function checkAgrees(what: 'seccomp' | 'apparmor', annotation: string, profile: SeccompProfile | AppArmorProfile, place: string, faults: Faults): void {
  const defaults = what === 'seccomp' ? ['runtime/default', 'docker/default'] : ['runtime/default'];
  const agrees = profile.type === 'Unconfined' ? annotation === 'unconfined'
    : profile.type === 'RuntimeDefault' ? defaults.includes(annotation)
      : profile.type !== 'Localhost' || annotation.startsWith('localhost/');
  if (!agrees) faults.forbidden(`${place}.type`, `${what} type in annotation and field must match`);
  else if (profile.type === 'Localhost' && annotation.slice('localhost/'.length) !== profile.localhostProfile) {
    faults.forbidden(`${place}.localhostProfile`, `${what} profile in annotation and field must match`);
  }
}

/** The field that an AppArmor annotation stands for; undefined when it stands for none. */
export function appArmorFieldOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (annotation.startsWith('localhost/') && annotation.length > 'localhost/'.length) {
    return { type: 'Localhost', localhostProfile: annotation.slice('localhost/'.length) };
  }
  return undefined;
}
