/** The scale subresource: an object's replicas as an `autoscaling/v1` Scale. */
import { resolveType } from '#api/registry';
import { invalid, path, type FieldError } from '#machinery/field-error';
import { emptyObject } from '#machinery/managed-fields/empty-object';
import { createFieldManager, type FieldManager } from '#machinery/managed-fields/field-manager';
import { mergeTypeOf } from '#machinery/managed-fields/merge-type';
import { parentEntries, scaleEntries, type ReplicasPaths } from '#machinery/managed-fields/scale';
import type { KubeObject } from '#machinery/meta';
import type { JsonObject } from '#machinery/patch/json-value';
import { isBadRequest, newBadRequest, newConflict, newInvalid, newNotFound, newUnknownError } from '#machinery/status-error';
import type { AdmissionAttributes } from '../admission/plugin.ts';
import { planOf } from '../codec.ts';
import { header, nowText, type RequestContext } from '../context.ts';
import { BODY_BYTES_MAX } from '../filters/body.ts';
import type { ApiResponse } from '../request.ts';
import { versionedObject, type ServedResource } from '../served-resource.ts';
import { patchObject, patchTypeOf, type PatchTarget } from './apply-patch.ts';
import { ensureNamespace } from './before-create.ts';
import { checkUid } from './before-update.ts';
import { decodeAs } from './decode-body.ts';
import { admissionAttributes, writeContext, type HandlerEnvironment } from './environment.ts';
import { managerName, writeOptions, type WriteOptions } from './request-options.ts';
import { negotiateOutput, respondObject } from './respond.ts';
import { checkName } from './update.ts';
import { copy, updateObject } from './update-object.ts';

const TYPE = 'autoscaling/v1.Scale';
const API_VERSION = 'autoscaling/v1';

interface Scale extends KubeObject { spec: { replicas?: number }; status: { replicas: number; selector?: string } }

let manager: FieldManager | undefined;

function scaleManager(): FieldManager {
  manager ??= createFieldManager({
    group: 'autoscaling', version: 'v1', kind: 'Scale', subresource: 'scale', empty: emptyObject(TYPE, resolveType),
    versions: { type: (version) => (version === API_VERSION ? mergeTypeOf(TYPE, resolveType) : undefined), convert: (object) => object },
  });
  return manager;
}

/** A custom resource's scale cannot be applied: its scheme knows no version of Scale. */
const CUSTOM_SCALE_MANAGER: FieldManager = {
  update: (request) => scaleManager().update(request),
  apply(request) {
    const { config } = request;
    if (config['apiVersion'] !== API_VERSION || config['kind'] !== 'Scale') return scaleManager().apply(request);
    const { namespace = '', name = '' } = (config['metadata'] ?? {}) as Record<string, unknown>;
    throw newUnknownError(`failed to convert new object (${String(namespace)}/${String(name)}; ${API_VERSION}, Kind=Scale) to proper version: request to convert CR to an invalid group/version: ${API_VERSION}`);
  },
};

export async function handleScale(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const { info, store } = served;
  const output = negotiateOutput(context, served);
  const { verb } = context.info;
  if (verb === 'get') {
    const stored = await store.get(store.keyOf(info.namespaced ? context.info.namespace : '', context.info.name), context.signal);
    if (stored === undefined) throw newNotFound(info.group, info.resource, context.info.name);
    const object = versionedObject(served, stored);
    served.definition.scale?.requireReplicas?.(object);
    return respondObject(context, served, output, scaleOf(served, object), 200);
  }
  const patching = verb === 'patch' ? patchTypeOf(header(context.request, 'content-type'), served.custom) : undefined;
  const body = await context.request.readBody(BODY_BYTES_MAX);
  const options = writeOptions(context, patching === undefined ? 'UpdateOptions' : 'PatchOptions', patching === 'apply');
  const write = writeContext(env, context, served, options);
  const makeScale = (old: Scale): Scale => {
    const next = patching === undefined ? decodeScale(body, context, options, old, served.custom)
      : patchObject(scaleTarget(served, write.name), { type: patching, body, validation: options.fieldValidation, manager: patching === 'apply' ? options.fieldManager : managerName(context, options), force: options.force }, old, context) as Scale;
    ensureNamespace(next.metadata, write.namespace);
    checkName(next, write.name, write.namespace);
    return next;
  };
  // Admission sees a patch as the update it makes, of the scale.
  const { force: _force, ...asUpdate } = options.asObject;
  const scaleWrite = { ...write, options: { ...options, asObject: { ...asUpdate, kind: 'UpdateOptions' } } };
  let attributes: AdmissionAttributes | undefined;
  const { stored } = await updateObject(write, {
    attributes: () => attributes!,
    subresource: served.definition.subresourceStrategies?.['scale'] === undefined ? '' : 'scale',
    createMissing: false,
    async make(current) {
      if (current === undefined) throw newNotFound(info.group, info.resource, write.name);
      const object = copy(current);
      const paths = replicasPaths(served);
      const old = scaleOf(served, current);
      const entries = scaleEntries(object.metadata.managedFields, paths);
      if (entries !== undefined) old.metadata.managedFields = entries;
      const next = makeScale(old);
      const { managedFields: owned } = next.metadata;
      delete next.metadata.managedFields;
      attributes = { ...admissionAttributes(scaleWrite, 'UPDATE', next, scaleOf(served, current)), kind: 'Scale' };
      await env.admission.admit(attributes);
      const replicas = next.spec.replicas ?? 0;
      const errors: FieldError[] = replicas < 0 && !served.custom ? [invalid(path('spec').child('replicas'), replicas, 'must be greater than or equal to 0')] : [];
      if (errors.length > 0) throw newInvalid('autoscaling', 'Scale', write.name, errors);
      if (patching === undefined) checkUid(next, object, write);
      const uid = next.metadata.uid ?? '';
      if (uid !== '' && uid !== object.metadata.uid) {
        throw newConflict(info.group, `${info.resource}/scale`, write.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid ?? ''}`);
      }
      served.definition.scale!.setReplicas(object, replicas);
      if (next.metadata.resourceVersion) object.metadata.resourceVersion = next.metadata.resourceVersion; else if (!served.custom) delete object.metadata.resourceVersion;
      const tracked = parentEntries(object.metadata.managedFields, owned, served.apiVersion, paths);
      if (tracked === undefined) delete object.metadata.managedFields; else object.metadata.managedFields = tracked;
      return object;
    },
  });
  return respondObject(context, served, output, scaleOf(served, versionedObject(served, stored)), 200);
}

function decodeScale(body: Buffer, context: RequestContext, options: WriteOptions, old: Scale, custom: boolean): Scale {
  let next: Scale;
  try {
    next = decodeAs(body, context, API_VERSION, 'Scale', options.fieldValidation) as Scale;
  } catch (error) {
    // Custom resources are served by another scheme, which cannot say what it expected.
    if (custom && isBadRequest(error)) throw newBadRequest('no kind is registered for the type v1.Scale in scheme "pkg/apiserver/customresource_handler.go:1247"');
    throw error;
  }
  next.spec ??= {};
  const entries = scaleManager().update({ live: old as unknown as JsonObject, object: next as unknown as JsonObject, manager: managerName(context, options), time: nowText(context) });
  if (entries === undefined) delete next.metadata.managedFields; else next.metadata.managedFields = entries;
  return next;
}

function scaleTarget(served: ServedResource, name: string): PatchTarget {
  return {
    group: served.info.group, resource: served.info.resource, name, apiVersion: API_VERSION, kind: 'Scale', typeName: TYPE, resolve: resolveType, plan: planOf(TYPE),
    fieldManager: served.custom ? CUSTOM_SCALE_MANAGER : scaleManager(), defaults() {},
  };
}

function scaleOf(served: ServedResource, object: KubeObject): Scale {
  const { scale } = served.definition;
  if (scale === undefined) throw newBadRequest(`${served.info.resource} has no scale`);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = scale.selector(object);
  return {
    kind: 'Scale', apiVersion: API_VERSION,
    metadata: { name: name!, ...(namespace === undefined ? {} : { namespace }), uid: uid!, resourceVersion: resourceVersion!, creationTimestamp: creationTimestamp ?? null },
    spec: scale.replicas(object) === 0 ? {} : { replicas: scale.replicas(object) },
    status: { replicas: scale.statusReplicas(object), ...(selector === '' ? {} : { selector }) },
  };
}

function replicasPaths(served: ServedResource): ReplicasPaths {
  return served.scaleReplicasPaths ?? { [served.apiVersion]: ['f:spec', 'f:replicas'] };
}
