/**
 * The engine's front door: text to program, with everything that can be known beforehand.
 *
 *     const compiled = compileExpression('self.replicas <= 5', environment);
 *     if (compiled.program) compiled.program.evaluate({ self }, { costMax: 1_000_000 })
 */
import { walk, type Node } from './ast.ts';
import { checkExpression } from './checker.ts';
import { estimateCost, type CostEstimate } from './cost-estimate.ts';
import type { Environment } from './environment.ts';
import { CostLimitError } from './cost-limit.ts';
import { planExpression, PlanError, type Frame } from './interpreter.ts';
import { parseExpression } from './parser.ts';
import { IssueList } from './source-error.ts';
import type { Type } from './type.ts';
import { validateLiterals } from './validators.ts';
import { Failure, type Value } from './value.ts';

/** Cost units of one evaluation, as upstream allows. */
export const EVALUATION_COST_MAX = 1_000_000;

export interface Evaluation {
  readonly value?: Value;
  /** Why there is no value. */
  readonly error?: string;
  readonly costExceeded: boolean;
  readonly cost: number;
}

export interface Program {
  evaluate(variables: Readonly<Record<string, Value | Failure>>, limits: { readonly costMax: number }): Evaluation;
}

export type Compilation =
  | { readonly program: Program; readonly type: Type; readonly cost: CostEstimate; readonly uses: ReadonlySet<string>; readonly issues?: undefined; readonly planFault?: undefined }
  /** Printed with their places. */
  | { readonly program?: undefined; readonly issues: string; readonly planFault?: undefined }
  /** It is well formed, but a literal in it can never convert. */
  | { readonly program?: undefined; readonly planFault: string; readonly type: Type; readonly issues?: undefined };

export function compileExpression(text: string, environment: Environment): Compilation {
  const issues = new IssueList();
  const tree = parseExpression(text, issues);
  if (tree === undefined) return { issues: issues.print(text) };
  const type = checkExpression(tree, environment, issues);
  if (issues.issues.length === 0) validateLiterals(tree, environment, issues);
  if (issues.issues.length > 0) return { issues: issues.print(text) };
  try {
    const step = planExpression(tree, environment);
    return { program: { evaluate: (variables, { costMax }) => run(step, variables, costMax) }, type, cost: estimateCost(tree, environment), uses: namesIn(tree) };
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    return { planFault: error.message, type };
  }
}

function namesIn(tree: Node): ReadonlySet<string> {
  const names = new Set<string>();
  walk(tree, (node) => { if (node.kind === 'ident') names.add(node.name); });
  return names;
}

function run(step: (frame: Frame) => Value | Failure, variables: Readonly<Record<string, Value | Failure>>, costMax: number): Evaluation {
  const frame: Frame = { variables, slots: [], cost: 0, costMax, written: 0 };
  try {
    const value = step(frame);
    return value instanceof Failure ? { error: value.message, costExceeded: false, cost: frame.cost } : { value, costExceeded: false, cost: frame.cost };
  } catch (error) {
    if (!(error instanceof CostLimitError)) throw error;
    return { error: error.message, costExceeded: true, cost: frame.cost };
  }
}
