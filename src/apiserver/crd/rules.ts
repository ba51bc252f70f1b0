/**
 * Where the rules of `x-kubernetes-validations` meet whatever evaluates them: one compiler, handed over by whoever builds the server.
 */
import type { CustomResourceDefinitionSpec, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import type { FieldError } from '#machinery/field-error';
import type { Structural } from '#machinery/schema/structural';

export interface RuleOutcome {
  readonly errors: readonly FieldError[];
  /** Rules that fail still, as they did before the change: told, not refused. */
  readonly warnings: readonly string[];
}

/** The rules of one version's schema, compiled. */
export interface CompiledRules {
  /** @param old undefined on create. @param at where the value stands, when it is not a whole resource. */
  check(value: unknown, old: unknown, at?: string): RuleOutcome;
}

export interface RuleCompiler {
  /** Faults of the rules themselves and of what they may cost. @param old the stored spec. */
  schemaFaults(schema: JSONSchemaProps, place: string, old: CustomResourceDefinitionSpec | undefined): FieldError[];
  /** @param isRoot the schema is that of a whole resource. @returns undefined where the schema has no rules. */
  compile(schema: Structural, isRoot: boolean): CompiledRules | undefined;
}
