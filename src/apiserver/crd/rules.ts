/**
 * Where the rules of `x-kubernetes-validations` meet whatever evaluates them: one compiler, handed over by whoever builds the server.
 *
 * Without a compiler no definition with rules is taken, so that nothing is stored that was never checked.
 */
import type { CustomResourceDefinitionSpec, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { forbidden, type FieldError } from '#machinery/field-error';
import type { JsonMap, Structural } from '#machinery/schema/structural';

export interface RuleOutcome {
  readonly errors: readonly FieldError[];
  /** Rules that fail still, as they did before the change: told, not refused. */
  readonly warnings: readonly string[];
}

/** The rules of one version's schema, compiled. */
export interface CompiledRules {
  /** @param old undefined on create. */
  check(object: JsonMap, old: JsonMap | undefined): RuleOutcome;
}

export interface RuleCompiler {
  /** Faults of the rules themselves and of what they may cost. @param old the stored spec. */
  schemaFaults(schema: JSONSchemaProps, place: string, old: CustomResourceDefinitionSpec | undefined): FieldError[];
  /** @param isRoot the schema is that of a whole resource. @returns undefined where the schema has no rules. */
  compile(schema: Structural, isRoot: boolean): CompiledRules | undefined;
}

export const NO_RULES: RuleCompiler = {
  schemaFaults: (schema, place) => ruleFaults(schema, place),
  compile: () => undefined,
};

function ruleFaults(schema: JSONSchemaProps, place: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((schema['x-kubernetes-validations'] ?? []).length > 0) {
    errors.push(forbidden(`${place}.x-kubernetes-validations`, 'this server cannot evaluate validation rules'));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) errors.push(...ruleFaults(property, `${place}.properties[${name}]`));
  if (typeof schema.additionalProperties === 'object') errors.push(...ruleFaults(schema.additionalProperties, `${place}.additionalProperties`));
  if (typeof schema.items === 'object' && schema.items !== null && !Array.isArray(schema.items)) errors.push(...ruleFaults(schema.items, `${place}.items`));
  return errors;
}
