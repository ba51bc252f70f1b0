/**
 * One policy judges one write with one parameter: conditions, validations, messages, audit annotations. All of it within budgets of
 * cost.
 */
import type { ValidatingAdmissionPolicy, Validation } from '#api/generated/admissionregistration/v1';
import { isMap, typeNameOf } from '#machinery/cel/value';
import { Evaluation, OutOfBudgetError, type CompiledExpression, type CompiledVariable, type EvaluationInput } from '../extension/evaluation.ts';
import { matchConditions, type CompiledCondition } from '../extension/match-conditions.ts';
import { policyCompiler } from './compiled-policy.ts';
import type { PolicyErrorType } from './policy-metrics.ts';

/** Cost units of all validations of one policy. */
export const POLICY_COST_MAX = 10_000_000;
const MESSAGE_BYTES_MAX = 5 * 1024;

export interface Decision {
  readonly denied: boolean;
  readonly message: string;
  /** '' where a failure, not a validation, denies. */
  readonly reason: string;
  readonly error: PolicyErrorType;
}

export interface Annotation { readonly key: string; readonly value?: string; readonly error?: string }
export interface Judged { readonly decisions: readonly Decision[]; readonly annotations: readonly Annotation[] }

interface CompiledValidation { readonly validation: Validation; readonly check: CompiledExpression; readonly message: CompiledExpression | undefined }

interface CompiledPolicy {
  readonly variables: readonly CompiledVariable[];
  readonly conditions: readonly CompiledCondition[];
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly value: CompiledExpression }[];
}

const compiled = new WeakMap<ValidatingAdmissionPolicy, CompiledPolicy>();

function compile(policy: ValidatingAdmissionPolicy): CompiledPolicy {
  let result = compiled.get(policy);
  if (result === undefined) {
    const { paramKind, variables = [], matchConditions: conditions = [], validations = [], auditAnnotations = [] } = policy.spec ?? {};
    const compiler = policyCompiler(variables, paramKind !== undefined);
    result = {
      variables: compiler.variables,
      conditions: conditions.map(({ name, expression }) => ({ name, ...compiler.compile(expression) })),
      validations: validations.map((validation) => ({
        validation, check: compiler.compile(validation.expression),
        message: validation.messageExpression ? compiler.compile(validation.messageExpression, { authorizer: false }) : undefined,
      })),
      annotations: auditAnnotations.map(({ key, valueExpression }) => ({ key, value: compiler.compile(valueExpression) })),
    };
    compiled.set(policy, result);
  }
  return result;
}

export async function judge(policy: ValidatingAdmissionPolicy, input: Omit<EvaluationInput, 'costMax' | 'variables'>, onConditionError: () => void): Promise<Judged> {
  const { variables, conditions, validations, annotations } = compile(policy);
  const failurePolicy = policy.spec?.failurePolicy ?? 'Fail';
  const failed = (message: string, error: PolicyErrorType = 'invalid_error'): Decision => ({ denied: failurePolicy !== 'Ignore', message, reason: '', error });
  const full = { ...input, variables, costMax: POLICY_COST_MAX };
  if (conditions.length > 0) {
    const { namespaceObject: _none, ...visible } = input;
    const matched = await matchConditions(conditions, { ...visible, variables }, failurePolicy, onConditionError);
    if ('error' in matched) return { decisions: [failed(matched.error)], annotations: [] };
    if (!matched.matches) return { decisions: [], annotations: [] };
  }
  try {
    const evaluation = new Evaluation(full);
    const decisions: (Decision | CompiledValidation)[] = [];
    for (const one of validations) {
      const outcome = await evaluation.evaluate(one.check);
      if (outcome.error !== undefined) decisions.push(failed(outcome.error, one.check.compilation.program === undefined ? 'compile_error' : 'invalid_error'));
      else decisions.push(outcome.value === true ? { denied: false, message: '', reason: '', error: 'no_error' } : one);
    }
    const messages = new Evaluation({ ...full, costMax: evaluation.budget });
    const final: Decision[] = [];
    for (const one of decisions) final.push('validation' in one ? await denial(one, messages, failed) : one);
    return { decisions: final, annotations: await annotate(annotations, new Evaluation(full), failurePolicy) };
  } catch (error) {
    if (!(error instanceof OutOfBudgetError)) throw error;
    return { decisions: [failed(error.message, 'out_of_budget')], annotations: [] };
  }
}

async function denial({ validation, message }: CompiledValidation, evaluation: Evaluation, failed: (message: string, error: PolicyErrorType) => Decision): Promise<Decision> {
  let text = '';
  try {
    if (message !== undefined) text = usable((await evaluation.evaluate(message)).value);
  } catch (error) {
    if (!(error instanceof OutOfBudgetError)) throw error;
    return failed(`failed messageExpression: ${error.message}`, 'out_of_budget');
  }
  if (text === '') text = validation.message?.trim() ?? '';
  return { denied: true, message: text === '' ? `failed expression: ${validation.expression.trim()}` : text, reason: validation.reason ?? 'Invalid', error: 'no_error' };
}

/** '' where the expression gives no good message. */
function usable(value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : '';
  return Buffer.byteLength(text) > MESSAGE_BYTES_MAX || text.includes('\n') ? '' : text;
}

async function annotate(annotations: CompiledPolicy['annotations'], evaluation: Evaluation, failurePolicy: string): Promise<Annotation[]> {
  const result: Annotation[] = [];
  for (const { key, value } of annotations) {
    const outcome = await evaluation.evaluate(value);
    if (outcome.error !== undefined) {
      if (failurePolicy !== 'Ignore') result.push({ key, error: outcome.error });
    } else if (typeof outcome.value === 'string') {
      const text = outcome.value.trim();
      if (text !== '') result.push({ key, value: text });
    } else if (outcome.value !== null) {
      const type = isMap(outcome.value) ? 'map' : typeNameOf(outcome.value);
      result.push({ key, error: `valueExpression '${value.expression}' resulted in unsupported return type: ${type}. Return type must be either string or null.` });
    }
  }
  return result;
}
