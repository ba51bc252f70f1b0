/**
 * Evaluates expressions about one write, within one budget of cost.
 *
 *     object, oldObject, request, … → expression → value or what is wrong, until the budget is spent
 *
 * A policy's variables are evaluated when they are first read, once. An authorizer that does not answer at once is waited for, and
 * the expression evaluated again: evaluation has no effects.
 */
import { EVALUATION_COST_MAX, type Compilation } from '#machinery/cel/compile';
import { untypedValue } from '#machinery/cel/data';
import { authorizerValue, RESOURCE_CHECK, type AuthorizerAnswer, type AuthorizerQuestion } from '#machinery/cel/library/authorizer';
import { DataMap, Failure, type Value } from '#machinery/cel/value';
import type { JsonObject } from '#machinery/patch/json-value';
import type { AuthorizationAttributes, Authorizer, Decision } from '../../authz/authorizer.ts';
import type { AdmissionAttributes } from '../plugin.ts';

export interface CompiledExpression { readonly expression: string; readonly compilation: Compilation }
export interface CompiledVariable extends CompiledExpression { readonly name: string }

export interface EvaluationInput {
  readonly attributes: AdmissionAttributes;
  /** As the webhook or policy sees them; null: there is none. */
  readonly object: JsonObject | null;
  readonly oldObject: JsonObject | null;
  readonly request: Readonly<Record<string, unknown>>;
  readonly namespaceObject?: unknown;
  readonly params?: unknown;
  readonly authorizer: Authorizer;
  readonly variables?: readonly CompiledVariable[];
  readonly costMax: number;
}

/** Cost units after which others get a turn: a few milliseconds. One expression ends by its own limit, which is ten times that. */
const SLICE_COST = 100_000;

export type Outcome = { readonly value: Value; readonly error?: undefined } | { readonly error: string; readonly value?: undefined };

/** Nothing more is evaluated. */
export class OutOfBudgetError extends Error {
  constructor() { super('validation failed due to running out of cost budget, no further validation rules will be run'); }
}

/** The authorizer answers later. */
class AnswerPending extends Error {
  readonly key: string;
  readonly answer: Promise<Decision>;
  constructor(key: string, answer: Promise<Decision>) {
    super('the authorizer is being asked');
    this.key = key;
    this.answer = answer;
  }
}

export class Evaluation {
  readonly #input: EvaluationInput;
  readonly #values: Record<string, Value | Failure>;
  readonly #answers = new Map<string, AuthorizerAnswer>();
  #budget: number;
  #variableCost = 0;
  /** Cost since others had a turn. */
  #slice = 0;

  constructor(input: EvaluationInput) {
    this.#input = input;
    this.#budget = input.costMax;
    this.#values = { object: untypedValue(input.object), oldObject: untypedValue(input.oldObject), request: untypedValue(input.request), namespaceObject: untypedValue(input.namespaceObject), params: untypedValue(input.params) };
    const decide = (question: AuthorizerQuestion): AuthorizerAnswer => this.#decide(question);
    const { info, subresource, namespace, name } = input.attributes;
    this.#values['authorizer'] = authorizerValue(decide);
    this.#values['authorizer.requestResource'] = authorizerValue(decide, RESOURCE_CHECK, { group: info.group, resource: info.resource, subresource, namespace, name });
    if (input.variables !== undefined) this.#values['variables'] = new Variables(new Map(input.variables.map((variable) => [variable.name, () => this.#variable(variable)])));
  }

  /** What is left of the budget. */
  get budget(): number { return this.#budget; }

  /** @throws OutOfBudgetError */
  async evaluate({ expression, compilation }: CompiledExpression): Promise<Outcome> {
    if (compilation.program === undefined) return { error: `compilation error: ${faultOf(compilation)}` };
    for (;;) {
      try {
        const answer = compilation.program.evaluate(this.#values, { costMax: EVALUATION_COST_MAX });
        const cost = answer.cost + this.#variableCost;
        this.#variableCost = 0;
        if (cost > this.#budget) throw new OutOfBudgetError();
        this.#budget -= cost;
        await this.#giveTurn(cost);
        return answer.error === undefined ? { value: answer.value! } : { error: `expression '${expression}' resulted in error: ${answer.error}` };
      } catch (error) {
        if (!(error instanceof AnswerPending)) throw error;
        this.#answers.set(error.key, answerOf(await error.answer));
      }
    }
  }

  async #giveTurn(cost: number): Promise<void> {
    this.#slice += cost;
    if (this.#slice < SLICE_COST) return;
    this.#slice = 0;
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }

  #variable({ name, compilation }: CompiledVariable): Value | Failure {
    if (compilation.program === undefined) return new Failure(`composited variable ${JSON.stringify(name)} fails to compile: ${faultOf(compilation)}`);
    const answer = compilation.program.evaluate(this.#values, { costMax: EVALUATION_COST_MAX });
    this.#variableCost += answer.cost;
    return answer.error === undefined ? answer.value! : new Failure(`composited variable ${JSON.stringify(name)} fails to evaluate: ${answer.error}`);
  }

  #decide(question: AuthorizerQuestion): AuthorizerAnswer {
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const decision = this.#input.authorizer.authorize(askedOf(this.#input.attributes, question));
    if (decision instanceof Promise) throw new AnswerPending(key, decision);
    const answer = answerOf(decision);
    this.#answers.set(key, answer);
    return answer;
  }
}

export function faultOf(compilation: Compilation): string {
  return compilation.issues !== undefined ? `compilation failed: ${compilation.issues}` : `program instantiation failed: ${compilation.planFault ?? ''}`;
}

function answerOf({ decision, reason, error }: Decision): AuthorizerAnswer {
  return { allowed: decision === 'allow', reason, error };
}

function askedOf({ user }: AdmissionAttributes, question: AuthorizerQuestion): AuthorizationAttributes {
  const { serviceAccount, path = '', verb = '', group = '', resource = '', subresource = '', namespace = '', name = '', fieldSelector, labelSelector } = question;
  const asked = serviceAccount === undefined ? user : {
    name: `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${serviceAccount.namespace}`, 'system:authenticated'],
  };
  return {
    user: asked, verb, namespace, group, version: '*', resource, subresource, name, isResourceRequest: question.path === undefined, path,
    ...(fieldSelector === undefined ? {} : { fieldSelector }), ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

/** A policy's variables: evaluated when they are first read. */
class Variables extends DataMap {
  readonly #makers: ReadonlyMap<string, () => Value | Failure>;
  readonly #made = new Map<string, Value | Failure>();

  constructor(makers: ReadonlyMap<string, () => Value | Failure>) {
    super();
    this.#makers = makers;
  }

  get size(): number { return this.#makers.size; }
  names(): readonly string[] { return [...this.#makers.keys()]; }
  equalUnknown(): boolean { return true; }

  find(key: Value): Value | Failure | undefined {
    const make = typeof key === 'string' ? this.#makers.get(key) : undefined;
    if (make === undefined) return undefined;
    let value = this.#made.get(key as string);
    if (value === undefined) {
      value = make();
      this.#made.set(key as string, value);
    }
    return value;
  }
}
