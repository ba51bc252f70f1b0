/**
 * Judges the expressions of admission policies, match conditions and device selectors before they are stored.
 *
 * Objects and parameters have no schema here: they are of any type. A policy's own variables are typed one after the other.
 */
import { compileExpression, type Compilation } from '#machinery/cel/compile';
import { declaredType, type DeclaredType, type SchemaNode } from '#machinery/cel/declared-type';
import { buildEnvironment, JSON_PATCH, withPatchTypes, type Environment } from '#machinery/cel/environment';
import { AUTHORIZER, RESOURCE_CHECK } from '#machinery/cel/library/authorizer';
import { BOOL, DYN, listOf, mapOf, NULL, QUANTITY, sameType, STRING, struct, type Type } from '#machinery/cel/type';
import type { DeviceExpressionChecker, ExpressionChecker, ExpressionResult, ExpressionScope } from '../resources/rules/expressions.ts';

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

const plain = (type: Type, elementsMax = 0, more: Partial<DeclaredType> = {}): DeclaredType => ({ type, elementsMax, smallestBytes: 1, nullable: true, ...more });
const VARIABLES = 'kubernetes.variables';

const RESULTS: Readonly<Record<ExpressionResult, readonly Type[]>> = {
  bool: [BOOL], string: [STRING], 'string or null': [STRING, NULL], 'apply configuration': [struct('Object')], 'json patch': [listOf(JSON_PATCH)],
};

export const policyExpressionChecker: ExpressionChecker = (composed) => {
  const fields = new Map<string, Type>();
  const environmentOf = ({ params, authorizer, patchTypes }: ExpressionScope): Environment => {
    const environment = buildEnvironment([
      { name: 'object', declared: plain(DYN) }, { name: 'oldObject', declared: plain(DYN) }, { name: 'request', declared: REQUEST }, { name: 'namespaceObject', declared: NAMESPACE },
      ...(params ? [{ name: 'params', declared: plain(DYN) }] : []),
      ...(authorizer ? [{ name: 'authorizer', declared: plain(AUTHORIZER) }, { name: 'authorizer.requestResource', declared: plain(RESOURCE_CHECK) }] : []),
      ...(composed ? [{ name: 'variables', declared: plain(struct(VARIABLES), 0, { fields: new Map([...fields].map(([name, type]) => [name, { name, declared: plain(type) }])) }) }] : []),
    ]);
    return patchTypes ? withPatchTypes(environment) : environment;
  };
  return {
    declare(name, expression, scope) {
      const compiled = compileExpression(expression, environmentOf(scope));
      fields.set(name, compiled.issues === undefined ? compiled.type : DYN);
      return faultOf(compiled);
    },
    check(expression, result, scope) {
      const compiled = compileExpression(expression, environmentOf(scope));
      if (compiled.issues !== undefined || RESULTS[result].some((type) => sameType(type, compiled.type))) return faultOf(compiled);
      const wanted = RESULTS[result].map(typeText);
      return `must evaluate to ${wanted.length === 1 ? wanted[0] : `one of [${wanted.join(' ')}]`} but got ${typeText(compiled.type)}`;
    },
  };
};

function faultOf(compiled: Compilation): string | undefined {
  if (compiled.issues !== undefined) return `compilation failed: ${compiled.issues}`;
  return compiled.planFault === undefined ? undefined : `program instantiation failed: ${compiled.planFault}`;
}

function typeText(type: Type): string {
  return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(typeText).join(', ')})`;
}

/** Cost units of one device selector. */
const SELECTOR_COST_MAX = 1_000_000;
const DOMAIN_CHARACTERS_MAX = 63;
const NAME_CHARACTERS_MAX = 32;
const VALUE_CHARACTERS_MAX = 64;
/** Attributes and capacities together. */
const ENTRIES_MAX = 32;

function qualifiedMap(element: DeclaredType): DeclaredType {
  const inner = plain(mapOf(STRING, element.type), ENTRIES_MAX, { key: plain(STRING, NAME_CHARACTERS_MAX), element, sizedBySelection: element.type === DYN });
  return plain(mapOf(STRING, inner.type), ENTRIES_MAX, { key: plain(STRING, DOMAIN_CHARACTERS_MAX), element: inner });
}

const DEVICE_FIELDS = { driver: plain(STRING, DOMAIN_CHARACTERS_MAX), allowMultipleAllocations: plain(BOOL, 1), attributes: qualifiedMap(plain(DYN, VALUE_CHARACTERS_MAX)),
  capacity: qualifiedMap(plain(QUANTITY)) };
const DEVICE = plain(struct('kubernetes.DRADevice'), 0, { fields: new Map(Object.entries(DEVICE_FIELDS).map(([name, declared]) => [name, { name, declared }])) });

export const deviceExpressionChecker: DeviceExpressionChecker = (expression) => {
  const compiled = compileExpression(expression, buildEnvironment([{ name: 'device', declared: DEVICE }]));
  const fault = faultOf(compiled);
  if (fault !== undefined || compiled.issues !== undefined) return { fault: fault! };
  if (compiled.type.kind !== 'bool' && compiled.type.kind !== 'dyn') return { fault: `must evaluate to bool or the unknown type, not ${typeText(compiled.type)}` };
  return compiled.program !== undefined && compiled.cost.max > SELECTOR_COST_MAX ? 'too costly' : undefined;
};
