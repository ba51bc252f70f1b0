/**
 * Evaluates the rules of a custom resource, from the root down, within one budget of cost.
 *
 * A rule about what did not change is only told when it fails, not refused, unless it looks at the old value.
 */
import type { ValidationRule } from '#api/generated/apiextensions/v1';
import { EVALUATION_COST_MAX } from '#machinery/cel/compile';
import { dataValue } from '#machinery/cel/data';
import type { SchemaNode } from '#machinery/cel/declared-type';
import { NO_SUCH_OVERLOAD, Optional } from '#machinery/cel/value';
import { semanticEqual } from '#machinery/deep-equal';
import { duplicate, fieldErrorText, forbidden, invalid, OMIT_VALUE, required, type FieldError } from '#machinery/field-error';
import { isMap, type JsonMap, type Structural } from '#machinery/schema/structural';
import { ruleFieldPath } from './rule-field-path.ts';
import { compilePlace, type CompiledRule, type RulePlace } from './rule-programs.ts';
import type { CompiledRules, RuleOutcome } from './rules.ts';

/** Cost units for all rules of one object. */
const OBJECT_COST_MAX = 10_000_000;
const MESSAGE_BYTES_MAX = 5 * 1024;
const NO_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

type RuledSchema = Structural & { readonly 'x-kubernetes-validations'?: readonly ValidationRule[] };

interface RuleTree {
  readonly schema: RuledSchema;
  readonly place: RulePlace | undefined;
  readonly properties: ReadonlyMap<string, RuleTree>;
  /** Of the values of a map, or the items of a list. */
  readonly elements: RuleTree | undefined;
}

export function compileRules(schema: Structural, isRoot: boolean): CompiledRules | undefined {
  const tree = treeOf(schema as RuledSchema, isRoot);
  return tree && { check: (value, old, at) => new Evaluation().run(tree, value, old, at) };
}

function treeOf(schema: RuledSchema, isRoot: boolean): RuleTree | undefined {
  const place = compilePlace(schema as SchemaNode, schema['x-kubernetes-validations'], isRoot);
  const properties = new Map<string, RuleTree>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inner = treeOf(property as RuledSchema, false);
    if (inner !== undefined) properties.set(name, inner);
  }
  const element = schema.items ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  const elements = element && treeOf(element as RuledSchema, false);
  return place === undefined && properties.size === 0 && elements === undefined ? undefined : { schema, place, properties, elements };
}

/** The budget is spent: nothing more is evaluated. */
class BudgetError extends Error {}

/** The value before, and whether the nearest place that is known in both is unchanged. */
interface Before { readonly old: unknown; readonly unchanged: boolean }

class Evaluation {
  readonly #errors: FieldError[] = [];
  readonly #warnings: string[] = [];
  #budget = OBJECT_COST_MAX;

  run(tree: RuleTree, object: unknown, old: unknown, at: string | undefined): RuleOutcome {
    try {
      this.#visit(tree, object, { old, unchanged: old !== undefined && semanticEqual(object, old) }, at);
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
    }
    return { errors: this.#errors, warnings: this.#warnings };
  }

  #visit(tree: RuleTree, value: unknown, before: Before, at: string | undefined): void {
    if (value === null || value === undefined) return;
    for (const rule of tree.place?.rules ?? []) this.#evaluate(rule, tree, value, before, at);
    if (Array.isArray(value)) this.#items(tree, value, before, at);
    else if (isMap(value)) this.#fields(tree, value, before, at);
  }

  #fields(tree: RuleTree, value: JsonMap, { old, unchanged }: Before, at: string | undefined): void {
    for (const [name, inner] of Object.entries(value)) {
      const declared = tree.properties.get(name);
      const subtree = declared ?? (tree.schema.items === undefined ? tree.elements : undefined);
      if (subtree === undefined) continue;
      const previous = isMap(old) && Object.hasOwn(old, name) ? old[name] : undefined;
      const place = declared === undefined ? `${at ?? ''}[${name}]` : at === undefined ? name : `${at}.${name}`;
      this.#visit(subtree, inner, { old: previous, unchanged: previous === undefined ? unchanged : semanticEqual(inner, previous) }, place);
    }
  }

  #items(tree: RuleTree, items: readonly unknown[], { old, unchanged }: Before, at: string | undefined): void {
    if (tree.elements === undefined) return;
    const keys = tree.schema['x-kubernetes-list-type'] === 'map' ? tree.schema['x-kubernetes-list-map-keys'] ?? [] : undefined;
    items.forEach((item, index) => {
      const previous = keys && Array.isArray(old) ? old.find((one) => isMap(one) && isMap(item) && keys.every((key) => semanticEqual(one[key], item[key]))) : undefined;
      this.#visit(tree.elements!, item, { old: previous, unchanged: previous === undefined ? unchanged : semanticEqual(item, previous) }, `${at ?? ''}[${index}]`);
    });
  }

  #evaluate(compiled: CompiledRule, tree: RuleTree, value: unknown, before: Before, at: string | undefined): void {
    const { rule, program } = compiled;
    const type = tree.schema.type ?? '';
    if (compiled.fault !== undefined) this.#errors.push(invalid(at, type, `rule compile error: ${compiled.fault}`));
    if (program === undefined) return;
    const isNew = before.old === undefined || before.old === null;
    if (compiled.usesOldSelf && isNew && rule.optionalOldSelf !== true) return;
    const { declared } = tree.place!;
    const oldSelf = isNew ? undefined : dataValue(before.old, declared);
    const variables = { self: dataValue(value, declared), oldSelf: oldSelf ?? null };
    const answer = program.evaluate(rule.optionalOldSelf === true ? { ...variables, oldSelf: new Optional(oldSelf as never) } : variables, { costMax: EVALUATION_COST_MAX });
    const stop = (detail: string): never => {
      this.#errors.push(invalid(at, type, detail));
      throw new BudgetError();
    };
    this.#budget -= answer.cost;
    if (this.#budget < 0) stop(NO_BUDGET);
    const ruleText = (rule.message || rule.rule!).trim();
    if (answer.costExceeded) stop(`'${answer.error}': no further validation rules will be run due to call cost exceeds limit for rule: ${ruleText}`);
    if (answer.error !== undefined) {
      this.#errors.push(invalid(at, type, answer.error.startsWith('no such overload')
        ? `'${answer.error}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText}`
        : `${answer.error} evaluating rule: ${ruleText}`));
    } else if (answer.value !== true) {
      const detail = this.#message(compiled, rule.optionalOldSelf === true ? { ...variables, oldSelf: NO_SUCH_OVERLOAD } : variables, stop) ?? (rule.message ? rule.message.trim() : `failed rule: ${ruleText}`);
      this.#fail(failure(rule, tree.schema, value, at, detail), !compiled.usesOldSelf && before.unchanged);
    }
  }

  /** As upstream has it, an optional old value cannot be used here. @returns undefined where the expression gives no good message. */
  #message({ message, rule }: CompiledRule, variables: Parameters<NonNullable<CompiledRule['message']>['evaluate']>[0], stop: (detail: string) => never): string | undefined {
    if (message === undefined) return undefined;
    const answer = message.evaluate(variables, { costMax: EVALUATION_COST_MAX });
    if (answer.cost > this.#budget) stop('messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run');
    if (answer.costExceeded) stop(`no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`);
    this.#budget -= answer.cost;
    const text = typeof answer.value === 'string' ? answer.value.trim() : '';
    return text === '' || /[\n\r]/.test(text) || Buffer.byteLength(text) > MESSAGE_BYTES_MAX ? undefined : text;
  }

  #fail(error: FieldError, onlyTold: boolean): void {
    if (onlyTold) this.#warnings.push(fieldErrorText(error));
    else this.#errors.push(error);
  }
}

function failure(rule: ValidationRule, schema: RuledSchema, value: unknown, at: string | undefined, detail: string): FieldError {
  const inner = rule.fieldPath ? ruleFieldPath(rule.fieldPath, schema) : undefined;
  const place = inner === undefined ? at : at === undefined ? inner : `${at}.${inner}`;
  const shown = schema.type === 'object' || schema.type === 'array' ? OMIT_VALUE : value;
  switch (rule.reason) {
    case 'FieldValueForbidden': return forbidden(place, detail);
    case 'FieldValueRequired': return required(place, detail);
    case 'FieldValueDuplicate': return duplicate(place, shown);
    default: return invalid(place, shown, detail);
  }
}
