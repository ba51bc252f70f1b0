/**
 * Judges the expressions of admission policies, match conditions and device selectors before they are stored.
 *
 * Objects and parameters have no schema here: they are of any type. A policy's own variables are typed one after the other.
 */
import { compileExpression, type Compilation } from '#machinery/cel/compile';
import type { DeclaredType } from '#machinery/cel/declared-type';
import { buildEnvironment, JSON_PATCH, type Environment } from '#machinery/cel/environment';
import { BOOL, DYN, listOf, mapOf, NULL, QUANTITY, sameType, STRING, struct, type Type } from '#machinery/cel/type';
import { admissionEnvironment, plain } from '#semantics/admission-expressions';
import type { DeviceExpressionChecker, ExpressionChecker, ExpressionResult, ExpressionScope } from '../resources/rules/expressions.ts';

const RESULTS: Readonly<Record<ExpressionResult, readonly Type[]>> = {
  bool: [BOOL], string: [STRING], 'string or null': [STRING, NULL], 'apply configuration': [struct('Object')], 'json patch': [listOf(JSON_PATCH)],
};

export const policyExpressionChecker: ExpressionChecker = (composed) => {
  const fields = new Map<string, Type>();
  const environmentOf = (scope: ExpressionScope): Environment => admissionEnvironment(scope, composed ? fields : undefined);
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
