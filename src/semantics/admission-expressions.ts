/**
 * What expressions of admission may speak of: the objects of a write, the request, the namespace, parameters, the authorizer, and a
 * policy's own variables.
 *
 * Where they are evaluated, objects and parameters have no schema: they are of any type. Whoever only checks a policy may give theirs.
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
const shape = (properties: Record<string, SchemaNode>): SchemaNode => ({ type: 'object', properties });

const REQUEST = declaredType(shape({
  kind: shape({ group: text, version: text, kind: text }), resource: shape({ group: text, version: text, resource: text }), subResource: text,
  requestKind: shape({ group: text, version: text, kind: text }), requestResource: shape({ group: text, version: text, resource: text }), requestSubResource: text,
  name: text, namespace: text, operation: text, dryRun: { type: 'boolean' }, options: { 'x-kubernetes-int-or-string': true },
  userInfo: shape({ username: text, uid: text, groups: texts, extra: { type: 'object', additionalProperties: texts } }),
}), 'kubernetes.AdmissionRequest')!;

const NAMESPACE = declaredType(shape({
  metadata: shape({ name: text, generateName: text, namespace: text, labels: textMap, annotations: textMap, UID: text, creationTimestamp: time,
    deletionGracePeriodSeconds: whole, deletionTimestamp: time, generation: whole, resourceVersion: text, finalizers: texts }),
  spec: shape({ finalizers: texts }),
  status: shape({ phase: text, conditions: { type: 'array', items: shape({ status: text, type: text, lastTransitionTime: time, message: text, reason: text }) } }),
}), 'kubernetes.Namespace')!;

export const plain = (type: Type, elementsMax = 0, more: Partial<DeclaredType> = {}): DeclaredType => ({ type, elementsMax, smallestBytes: 1, nullable: true, ...more });
const VARIABLES = 'kubernetes.variables';

export interface ExpressionNames {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** Patch types (`Object`, `JSONPatch`) can be made. */
  readonly patchTypes?: boolean;
}

/** What is known of the objects. */
export interface KnownTypes { readonly object?: DeclaredType | undefined; readonly params?: DeclaredType | undefined }

/** @param variables of a policy, by name; undefined: there is no `variables`. */
export function admissionEnvironment({ params, authorizer, patchTypes }: ExpressionNames, variables?: ReadonlyMap<string, Type>, known: KnownTypes = {}): Environment {
  const object = known.object ?? plain(DYN);
  const environment = buildEnvironment([
    { name: 'object', declared: object }, { name: 'oldObject', declared: object }, { name: 'request', declared: REQUEST }, { name: 'namespaceObject', declared: NAMESPACE },
    ...(params ? [{ name: 'params', declared: known.params ?? plain(DYN) }] : []),
    ...(authorizer ? [{ name: 'authorizer', declared: plain(AUTHORIZER) }, { name: 'authorizer.requestResource', declared: plain(RESOURCE_CHECK) }] : []),
    ...(variables ? [{ name: 'variables', declared: plain(struct(VARIABLES), 0, { fields: new Map([...variables].map(([name, type]) => [name, { name, declared: plain(type) }])) }) }] : []),
  ]);
  return patchTypes ? withPatchTypes(environment) : environment;
}
