/**
 * Judges the rules of a whole schema before it is taken: each must compile, and neither one nor all together may cost too much.
 */
import type { JSONSchemaProps, ValidationRule } from '#api/generated/apiextensions/v1';
import type { SchemaNode } from '#machinery/cel/declared-type';
import { forbidden, invalid, PrintedValue, type FieldError } from '#machinery/field-error';
import { goJson } from '#machinery/go-print';
import { compilePlace, type CompiledRule, type RulePlace } from './rule-programs.ts';

/** Estimated cost units of one rule, over all the places it may stand in. */
const RULE_COST_MAX = 10_000_000;
/** Of all rules of a schema. */
const SCHEMA_COST_MAX = 100_000_000;
/** The most expensive rules that are named when all together cost too much. */
const NAMED_MAX = 4;

interface Walk {
  readonly errors: FieldError[];
  readonly costs: { readonly at: string; readonly cost: number }[];
  /** A stored schema with too costly rules may keep such. */
  readonly ignoresCosts: boolean;
}

/** What lies above: how often this may stand in one object, and the list whose elements have no identity. */
interface Above { readonly timesMax: number | undefined; readonly withoutIdentity: string | undefined }

export function schemaRuleFaults(schema: JSONSchemaProps, place: string, ignoresCosts: boolean): FieldError[] {
  const walk: Walk = { errors: [], costs: [], ignoresCosts };
  visit(schema, place, { timesMax: 1, withoutIdentity: undefined }, true, walk);
  const total = walk.costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total > SCHEMA_COST_MAX) {
    const worst = walk.costs.filter(({ cost }) => cost >= SCHEMA_COST_MAX / 100).sort((a, b) => b.cost - a.cost).slice(0, NAMED_MAX);
    for (const { at } of worst) walk.errors.push(forbidden(at, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'));
    walk.errors.push(forbidden(place, costText('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', total, SCHEMA_COST_MAX)));
  }
  return walk.errors;
}

/** Whether a rule alone costs more than is allowed today. */
export function hasCostlyRule(schema: JSONSchemaProps): boolean {
  return schemaRuleFaults(schema, '', false).some(({ message }) => message.includes('estimated rule cost exceeds') || message.includes('estimated messageExpression cost exceeds'));
}

function visit(schema: JSONSchemaProps, place: string, above: Above, isRoot: boolean, walk: Walk): void {
  const node = schema as SchemaNode;
  const own = above.timesMax === undefined ? undefined : elementsMax(node);
  const timesMax = own === undefined ? undefined : above.timesMax! * own;
  const inside: Above = { ...above, timesMax };
  if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${place}.additionalProperties`, inside, false, walk);
  for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${place}.properties[${name}]`, inside, false, walk);
  if (typeof schema.items === 'object' && schema.items !== null && !Array.isArray(schema.items)) {
    const listed = schema['x-kubernetes-list-type'] === 'map' ? above.withoutIdentity : above.withoutIdentity ?? place;
    visit(schema.items, `${place}.items`, { timesMax, withoutIdentity: listed }, false, walk);
  }
  const compiled = compilePlace(node, schema['x-kubernetes-validations'] as readonly ValidationRule[] | undefined, isRoot);
  compiled?.rules.forEach((rule, index) => judge(rule, compiled, `${place}.x-kubernetes-validations[${index}]`, above, walk));
}

/** undefined: any number. */
function elementsMax(schema: SchemaNode): number | undefined {
  if (schema.type === 'array') return schema.maxItems === undefined ? undefined : Math.max(0, schema.maxItems);
  if (schema.type === 'object' && schema.additionalProperties !== undefined) return schema.maxProperties === undefined ? undefined : Math.max(0, schema.maxProperties);
  return 1;
}

function judge(compiled: CompiledRule, { timesMax }: RulePlace, at: string, above: Above, walk: Walk): void {
  const { rule, fault, messageFault, messageCostMax } = compiled;
  const cost = compiled.costMax * (above.timesMax ?? timesMax);
  if (!walk.ignoresCosts && cost > RULE_COST_MAX) walk.errors.push(forbidden(`${at}.rule`, costText('estimated rule cost', cost, RULE_COST_MAX)));
  walk.costs.push({ at: `${at}.rule`, cost });
  if (fault !== undefined) walk.errors.push(invalid(`${at}.rule`, printed(rule), fault));
  if (messageFault !== undefined) walk.errors.push(invalid(`${at}.messageExpression`, printed(rule), messageFault));
  else if (compiled.message !== undefined) {
    if (!walk.ignoresCosts && messageCostMax > RULE_COST_MAX) walk.errors.push(forbidden(`${at}.messageExpression`, costText('estimated messageExpression cost', messageCostMax, RULE_COST_MAX)));
    walk.costs.push({ at: `${at}.messageExpression`, cost: messageCostMax });
  }
  if (!compiled.usesOldSelf) {
    if (rule.optionalOldSelf !== undefined) walk.errors.push(invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  } else if (above.withoutIdentity !== undefined) {
    walk.errors.push(invalid(`${at}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${above.withoutIdentity}`));
  }
}

function printed(rule: ValidationRule): PrintedValue {
  return new PrintedValue(goJson({ Rule: rule.rule ?? '', Message: rule.message ?? '', MessageExpression: rule.messageExpression ?? '', Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '', OptionalOldSelf: rule.optionalOldSelf ?? null }));
}

function costText(what: string, cost: number, limit: number): string {
  const times = cost / limit;
  const factor = times > 100 ? 'more than 100x' : times < 1.5 ? `${times.toFixed(6)}x` : `${times.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
