/**
 * What expressions of admission may speak of: the objects of a write, the request, the namespace, parameters, the authorizer, and a
 * policy's own variables.
 *
 * Objects and parameters have no schema here: they are of any type.
 */
import { declaredType, type DeclaredType, type SchemaNode } from '#machinery/cel/declared-type';
import { buildEnvironment, withPatchTypes, type Environment } from '#machinery/cel/environment';
import { AUTHORIZER, RESOURCE_CHECK } from '#machinery/cel/library/authorizer';
import { DYN, struct, type Type } from '#machinery/cel/type';

const text: SchemaNode = { type: 'string' };
const texts: SchemaNode = { type: 'array', items: text };
const textMap: SchemaNode = { type: 'object', additionalProperties: text };
const whole: SchemaNode = { type: 'integer' };
const time: SchemaNode = { type: 'string', format: 'date-time' };
const object = (properties: Record<string, SchemaNode>): SchemaNode => ({ type: 'object', properties });

const REQUEST = declaredType(object({
  kind: object({ group: text, version: text, kind: text }), resource: object({ group: text, version: text, resource: text }), subResource: text,
  requestKind: object({ group: text, version: text, kind: text }), requestResource: object({ group: text, version: text, resource: text }), requestSubResource: text,
  name: text, namespace: text, operation: text, dryRun: { type: 'boolean' }, options: { 'x-kubernetes-int-or-string': true },
  userInfo: object({ username: text, uid: text, groups: texts, extra: { type: 'object', additionalProperties: texts } }),
}), 'kubernetes.AdmissionRequest')!;

const NAMESPACE = declaredType(object({
  metadata: object({ name: text, generateName: text, namespace: text, labels: textMap, annotations: textMap, UID: text, creationTimestamp: time,
    deletionGracePeriodSeconds: whole, deletionTimestamp: time, generation: whole, resourceVersion: text, finalizers: texts }),
  spec: object({ finalizers: texts }),
  status: object({ phase: text, conditions: { type: 'array', items: object({ status: text, type: text, lastTransitionTime: time, message: text, reason: text }) } }),
}), 'kubernetes.Namespace')!;

export const plain = (type: Type, elementsMax = 0, more: Partial<DeclaredType> = {}): DeclaredType => ({ type, elementsMax, smallestBytes: 1, nullable: true, ...more });
const VARIABLES = 'kubernetes.variables';

export interface ExpressionNames {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** Patch types (`Object`, `JSONPatch`) can be made. */
  readonly patchTypes?: boolean;
}

/** @param variables of a policy, by name; undefined: there is no `variables`. */
export function admissionEnvironment({ params, authorizer, patchTypes }: ExpressionNames, variables?: ReadonlyMap<string, Type>): Environment {
  const environment = buildEnvironment([
    { name: 'object', declared: plain(DYN) }, { name: 'oldObject', declared: plain(DYN) }, { name: 'request', declared: REQUEST }, { name: 'namespaceObject', declared: NAMESPACE },
    ...(params ? [{ name: 'params', declared: plain(DYN) }] : []),
    ...(authorizer ? [{ name: 'authorizer', declared: plain(AUTHORIZER) }, { name: 'authorizer.requestResource', declared: plain(RESOURCE_CHECK) }] : []),
    ...(variables ? [{ name: 'variables', declared: plain(struct(VARIABLES), 0, { fields: new Map([...variables].map(([name, type]) => [name, { name, declared: plain(type) }])) }) }] : []),
  ]);
  return patchTypes ? withPatchTypes(environment) : environment;
}
