/** What every new object goes through before it is stored, whatever its kind: system metadata, strategy, validation. */
import { randomSuffix } from '#base/random';
import { rfc3339 } from '#base/clock';
import { path } from '#machinery/field-error';
import type { KubeObject, ObjectMeta } from '#machinery/meta';
import { nameIsDns1035Label, nameIsDnsLabel, nameIsDnsSubdomain, nameIsPathSegment, type NameRule as NameFaults } from '#machinery/names';
import { newBadRequest, newForbidden, newInvalid } from '#machinery/status-error';
import { validateObjectMeta } from '#machinery/validation/object-meta';
import { warn } from '../context.ts';
import type { NameRule } from '../resources/definition.ts';
import { errorGroup } from '../served-resource.ts';
import type { WriteContext } from './environment.ts';

/** A generated name is at most this long before its suffix. */
const GENERATE_NAME_MAX = 58;

/** What a client may not set. */
export function wipeSystemFields(meta: ObjectMeta): void {
  delete meta.uid;
  delete meta.creationTimestamp;
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  delete meta.selfLink;
}

/** @throws StatusError 400 when object and URL name different namespaces. */
export function ensureNamespace(meta: ObjectMeta, namespace: string): void {
  const given = meta.namespace ?? '';
  if (given === namespace) { if (given === '') delete meta.namespace; return; }
  if (given === '') { meta.namespace = namespace; return; }
  if (namespace === '') { delete meta.namespace; return; }
  throw newBadRequest('the namespace of the provided object does not match the namespace sent on the request');
}

/** Uid, creation time and, where only a prefix was given, the name. */
export function fillSystemFields(object: KubeObject, write: WriteContext): void {
  const { metadata } = object;
  metadata.uid = write.env.random.uuid();
  metadata.creationTimestamp = rfc3339(write.env.clock.now());
  if (metadata.generateName && !metadata.name) metadata.name = `${metadata.generateName.slice(0, GENERATE_NAME_MAX)}${randomSuffix(write.env.random)}`;
}

const NAME_RULES: Readonly<Record<string, NameFaults>> = {
  'dns1123-subdomain': nameIsDnsSubdomain, 'dns1123-label': nameIsDnsLabel, 'dns1035-label': nameIsDns1035Label, 'path-segment': nameIsPathSegment,
};

export function nameFaults(rule: NameRule): NameFaults {
  return typeof rule === 'function' ? rule : NAME_RULES[rule]!;
}

/** Brings the object into the form it is stored in. @throws StatusError */
export function beforeCreate(object: KubeObject, write: WriteContext): void {
  const { served, strategyContext } = write;
  const { definition, info } = served;
  const { strategy } = definition;
  if (served.terminating === true) {
    throw newForbidden(info.group, info.resource, object.metadata.name ?? '', 'create not allowed while custom resource definition is terminating');
  }
  ensureNamespace(object.metadata, write.namespace);
  strategy.prepareForCreate?.(object, strategyContext);
  const errors = [
    ...validateObjectMeta(object.metadata, info.namespaced, nameFaults(definition.nameRule), path('metadata')),
    ...strategy.validateCreate?.(object, strategyContext) ?? [],
  ];
  if (errors.length > 0) throw newInvalid(errorGroup(served), info.kind, object.metadata.name ?? '', errors);
  for (const text of strategy.warningsOnCreate?.(object, strategyContext) ?? []) warn(write.request, text);
  strategy.canonicalize?.(object);
}
