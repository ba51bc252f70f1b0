/**
 * The match conditions of a webhook or policy: all must hold. One that is false ends it, whatever others fail; failures count by the
 * failure policy.
 */
import { compileExpression } from '#machinery/cel/compile';
import { admissionEnvironment, type ExpressionNames } from '#semantics/admission-expressions';
import { Evaluation, OutOfBudgetError, type CompiledExpression, type EvaluationInput } from './evaluation.ts';

interface Condition { readonly name: string; readonly expression: string }
export type CompiledCondition = CompiledExpression & { readonly name: string };
export type ConditionMatch = { readonly matches: boolean } | { readonly error: string };

/** Cost units for all conditions of one webhook or policy. */
export const CONDITIONS_COST_MAX = 2_500_000;

const compiled = new WeakMap<readonly Condition[], readonly CompiledCondition[]>();

/** Lists that come from a local copy of the configuration are compiled once. */
export function compileConditions(conditions: readonly Condition[], names: ExpressionNames): readonly CompiledCondition[] {
  let result = compiled.get(conditions);
  if (result === undefined) {
    const environment = admissionEnvironment(names);
    result = conditions.map(({ name, expression }) => ({ name, expression, compilation: compileExpression(expression, environment) }));
    compiled.set(conditions, result);
  }
  return result;
}

/** @param onError called for each condition that cannot be told. */
export async function matchConditions(conditions: readonly CompiledCondition[], input: Omit<EvaluationInput, 'costMax'>, failurePolicy: string | undefined, onError: () => void): Promise<ConditionMatch> {
  const evaluation = new Evaluation({ ...input, costMax: CONDITIONS_COST_MAX });
  const errors: string[] = [];
  const failed = (text: string): ConditionMatch => (failurePolicy === 'Ignore' ? { matches: false } : { error: text });
  try {
    // All are evaluated before any counts, as upstream does: the budget is for all of them.
    const outcomes = [];
    for (const condition of conditions) outcomes.push(await evaluation.evaluate(condition));
    for (const outcome of outcomes) {
      if (outcome.error !== undefined) {
        errors.push(outcome.error);
        onError();
      } else if (outcome.value === false) return { matches: false };
    }
  } catch (error) {
    if (!(error instanceof OutOfBudgetError)) throw error;
    return failed(error.message);
  }
  if (errors.length === 0) return { matches: true };
  const distinct = [...new Set(errors)];
  return failed(distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`);
}
