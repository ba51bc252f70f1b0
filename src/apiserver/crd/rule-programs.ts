/**
 * The rules of one place in a schema, as programs: what is wrong with each, what it may cost, how it is evaluated.
 *
 * `self` is the value there, `oldSelf` what stood there before; an optional `oldSelf` may be absent.
 */
import type { ValidationRule } from '#api/generated/apiextensions/v1';
import { compileExpression, type Program } from '#machinery/cel/compile';
import { declaredType, REQUEST_BYTES_MAX, type DeclaredType, type SchemaNode } from '#machinery/cel/declared-type';
import { buildEnvironment, type Environment } from '#machinery/cel/environment';

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program: Program | undefined;
  readonly fault: string | undefined;
  readonly costMax: number;
  readonly usesOldSelf: boolean;
  readonly message: Program | undefined;
  readonly messageFault: string | undefined;
  readonly messageCostMax: number;
}

export interface RulePlace {
  readonly declared: DeclaredType;
  readonly rules: readonly CompiledRule[];
  /** How often the place can stand in one request where nothing bounds it. */
  readonly timesMax: number;
}

/** The name of the type of `self` in error texts. */
const SELF_TYPE = 'selfType1';

/** @returns undefined where there are no rules, or no expression can see the place. */
export function compilePlace(schema: SchemaNode, rules: readonly ValidationRule[] | undefined, isRoot: boolean): RulePlace | undefined {
  if (!rules?.length) return undefined;
  const declared = declaredType(schema, SELF_TYPE, isRoot || schema['x-kubernetes-embedded-resource'] === true);
  if (declared === undefined) return undefined;
  const environments = new Map<boolean, Environment>();
  const environmentOf = (optional: boolean): Environment => {
    const known = environments.get(optional) ?? buildEnvironment([{ name: 'self', declared }, { name: 'oldSelf', declared, optional }]);
    environments.set(optional, known);
    return known;
  };
  const compiled = rules.map((rule) => compileRule(rule, environmentOf(rule.optionalOldSelf === true)));
  return { declared, rules: compiled, timesMax: Math.floor(REQUEST_BYTES_MAX / (declared.smallestBytes + 1)) };
}

function compileRule(rule: ValidationRule, environment: Environment): CompiledRule {
  const nothing: CompiledRule = { rule, program: undefined, fault: undefined, costMax: 0, usesOldSelf: false, message: undefined, messageFault: undefined, messageCostMax: 0 };
  if ((rule.rule ?? '').trim() === '') return nothing;
  const compiled = compileExpression(rule.rule!, environment);
  if (compiled.issues !== undefined) return { ...nothing, fault: `compilation failed: ${compiled.issues}` };
  if (compiled.type.kind !== 'bool') return { ...nothing, fault: 'cel expression must evaluate to a bool' };
  if (compiled.planFault !== undefined) return { ...nothing, fault: `program instantiation failed: ${compiled.planFault}` };
  const known = { ...nothing, program: compiled.program, costMax: compiled.cost.max, usesOldSelf: compiled.uses.has('oldSelf') };
  return rule.messageExpression ? { ...known, ...compileMessage(rule.messageExpression, environment) } : known;
}

function compileMessage(text: string, environment: Environment): Partial<CompiledRule> {
  const compiled = compileExpression(text, environment);
  if (compiled.issues !== undefined) return { messageFault: `messageExpression compilation failed: ${compiled.issues}` };
  if (compiled.type.kind !== 'string') return { messageFault: 'messageExpression must evaluate to a string' };
  if (compiled.planFault !== undefined) return { messageFault: `messageExpression instantiation failed: ${compiled.planFault}` };
  return { message: compiled.program, messageCostMax: compiled.cost.max };
}
