/** POST whose answer is computed: reviews, token requests, evictions, bindings. */
import type { KubeObject } from '#machinery/meta';
import { formatGroupVersion } from '#machinery/gvk';
import { header, nowText, warn, type RequestContext } from '../context.ts';
import type { AdmissionAttributes } from '../admission/plugin.ts';
import type { ApiResponse } from '../request.ts';
import type { DecisionResource } from '../resources/decision.ts';
import { leaderTermOf } from '../store/leader-fence.ts';
import { ensureNamespace, wipeSystemFields } from './before-create.ts';
import { decodeAs, readObjectBody } from './decode-body.ts';
import { ownedFields } from './decision-fields.ts';
import { encodeForm } from './encode-form.ts';
import type { HandlerEnvironment } from './environment.ts';
import { MEDIA_TYPES, negotiate } from './negotiation.ts';
import { managerName, writeOptions } from './request-options.ts';

export async function handleDecision(env: HandlerEnvironment, context: RequestContext, decision: DecisionResource): Promise<ApiResponse> {
  const output = negotiate(header(context.request, 'accept'), { shapes: false });
  const body = await readObjectBody(context);
  const options = writeOptions(context, 'CreateOptions');
  const apiVersion = formatGroupVersion(decision.bodyGroup ?? decision.group, decision.bodyVersion ?? decision.version);
  const object = decodeAs(body, context, apiVersion, decision.kind, options.fieldValidation);
  object.metadata ??= {};
  context.audit?.requestObject(object);
  if (decision.keepsSystemFields !== true) wipeSystemFields(object.metadata);
  const namespace = decision.namespaced ? context.info.namespace : '';
  ensureNamespace(object.metadata, namespace);
  const attributes = (subject: KubeObject): AdmissionAttributes => ({
    operation: 'CREATE', info: context.info, user: context.user, definition: undefined, kind: decision.kind, name: context.info.name || subject.metadata.name || '', namespace,
    subresource: decision.subresource, object: subject, oldObject: undefined, options: options.asObject, dryRun: options.dryRun,
    warn: (text) => warn(context, text), annotate: (key, value) => { context.auditAnnotations.set(key, value); }, signal: context.signal,
  });
  const ownedOf = (subject: KubeObject): KubeObject['metadata']['managedFields'] => (decision.kind === 'Eviction' ? undefined : ownedFields(decision, subject, managerName(context, options), nowText(context)));
  let owned = ownedOf(object);
  if (owned !== undefined) object.metadata.managedFields = owned;
  await env.admission.admit(attributes(object));
  delete object.metadata.managedFields;
  const result = await decision.create(object, {
    info: context.info, user: context.user, name: context.info.name, namespace, dryRun: options.dryRun, options: options.asObject, signal: context.signal, term: leaderTermOf(context.request),
    validate: (subject) => {
      // Its defaults are the decision's own business.
      if (decision.kind === 'TokenRequest') owned = ownedOf(subject);
      return env.admission.validate(attributes(owned === undefined ? subject : { ...subject, metadata: { ...subject.metadata, managedFields: owned } }));
    }, warn: (text) => warn(context, text),
    annotate: (key, value) => { context.auditAnnotations.set(key, value); },
  });
  if (result.kind === decision.kind && owned !== undefined) result.metadata.managedFields = owned;
  return { status: 201, headers: { 'content-type': MEDIA_TYPES[output.format] }, body: encodeForm(output.format, result, output.pretty) };
}
