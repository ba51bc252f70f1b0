/** PUT of an object or of one of its updating subresources. */
import { newBadRequest } from '#machinery/status-error';
import type { KubeObject } from '#machinery/meta';
import { quote } from '#machinery/go-print';
import type { RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import { ensureNamespace } from './before-create.ts';
import { decodeObject, readObjectBody } from './decode-body.ts';
import { admissionAttributes, writeContext, type HandlerEnvironment } from './environment.ts';
import { trackUpdate, withVersions } from './field-management.ts';
import { dropRepeatedOwners } from './owner-references.ts';
import { managerName, writeOptions } from './request-options.ts';
import { negotiateOutput, respondStored } from './respond.ts';
import { updateObject } from './update-object.ts';

export async function handleUpdate(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served);
  const body = await readObjectBody(context);
  const options = writeOptions(context, 'UpdateOptions');
  const write = writeContext(env, context, served, options);
  const { subresource } = context.info;
  const decode = (): KubeObject => {
    const object = decodeObject(body, context, served, options.fieldValidation);
    ensureNamespace(object.metadata, write.namespace);
    checkName(object, write.name, write.namespace);
    dropRepeatedOwners(object, context, false);
    return object;
  };
  const first = decode();
  const manager = managerName(context, options);
  const { stored, created } = await updateObject(write, {
    subresource,
    checkUid: true,
    createMissing: subresource === '' && served.definition.allowCreateOnUpdate === true,
    async make(current, attempt) {
      // The rules change the object, so that each further try starts from the body again.
      const wanted = attempt === 0 ? first : decode();
      const object = await withVersions(served, context, () => trackUpdate(served, current, wanted, manager, subresource, context));
      await env.admission.admit(admissionAttributes(write, current === undefined ? 'CREATE' : 'UPDATE', object, current));
      dropRepeatedOwners(object, context, true);
      return object;
    },
  });
  return respondStored(context, served, output, stored, created ? 201 : 200, env);
}

/** @throws StatusError 400 when body and URL name different objects. */
export function checkName(object: KubeObject, name: string, namespace: string): void {
  const given = object.metadata.name ?? '';
  if (given === '') throw newBadRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name) throw newBadRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  const givenNamespace = object.metadata.namespace ?? '';
  if (namespace !== '' && givenNamespace !== '' && givenNamespace !== namespace) {
    throw newBadRequest(`the namespace of the object (${givenNamespace}) does not match the namespace on the request (${quote(namespace)})`);
  }
}
