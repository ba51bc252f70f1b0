/** PATCH of an object or of one of its updating subresources. */
import { newConflict } from '#machinery/status-error';
import { header, type RequestContext } from '../context.ts';
import { BODY_BYTES_MAX } from '../filters/body.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import { patchObject, patchTypeOf, type Patch, type PatchTarget } from './apply-patch.ts';
import { ensureNamespace } from './before-create.ts';
import { planOf } from '../codec.ts';
import { admissionAttributes, writeContext, type HandlerEnvironment } from './environment.ts';
import { fieldManagerOf, withVersions } from './field-management.ts';
import { dropRepeatedOwners } from './owner-references.ts';
import { managerName, writeOptions } from './request-options.ts';
import { negotiateOutput, respondStored } from './respond.ts';
import { checkName } from './update.ts';
import { updateObject } from './update-object.ts';

export async function handlePatch(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const type = patchTypeOf(header(context.request, 'content-type'), served.custom);
  const output = negotiateOutput(context, served);
  const body = await context.request.readBody(BODY_BYTES_MAX);
  const options = writeOptions(context, 'PatchOptions', type === 'apply');
  // Admission sees a patch as the update it makes.
  const { force: _force, ...asUpdate } = options.asObject;
  const write = writeContext(env, context, served, { ...options, asObject: { ...asUpdate, kind: 'UpdateOptions' } });
  const { subresource } = context.info;
  const target = patchTarget(served, subresource, write.name);
  const manager = type === 'apply' ? options.fieldManager : managerName(context, options);
  const patch: Patch = { type, body, validation: options.fieldValidation, manager, force: options.force };
  const { stored, created } = await updateObject(write, {
    subresource,
    createMissing: type === 'apply' && subresource === '',
    async make(current) {
      const object = await withVersions(served, context, () => patchObject(target, patch, current, context));
      if (object.metadata.uid && current === undefined) {
        throw newConflict(served.info.group, served.info.resource, write.name, `uid mismatch: the provided object specified uid ${object.metadata.uid}, and no existing object was found`);
      }
      ensureNamespace(object.metadata, write.namespace);
      checkName(object, write.name, write.namespace);
      await env.admission.admit(admissionAttributes(write, current === undefined ? 'CREATE' : 'UPDATE', object, current));
      dropRepeatedOwners(object, context, true);
      return object;
    },
  });
  return respondStored(context, served, output, stored, created ? 201 : 200, env);
}

export function patchTarget(served: ServedResource, subresource: string, name: string): PatchTarget {
  const { info, definition } = served;
  return {
    group: info.group, resource: info.resource, name, apiVersion: served.apiVersion, kind: info.kind, typeName: info.type, resolve: served.resolve,
    plan: served.custom ? undefined : planOf(info.type), fieldManager: fieldManagerOf(served, subresource),
    ...(served.decodePatched === undefined ? {} : { decode: served.decodePatched }), defaults: (object) => definition.strategy.defaults?.(object),
  };
}
