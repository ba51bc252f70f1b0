/**
 * Where the rules of a schema meet what can judge values and expressions: defaults must be valid themselves, and rules compile.
 *
 * Both come from the machinery of custom resources, which whoever builds the API server hands over once. Without it they pass.
 */
import type { CustomResourceDefinitionSpec, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import type { FieldError } from '#machinery/field-error';

export interface SchemaValueChecks {
  /** Faults of the defaults in a structural schema. @param pruned they may not have unknown fields. */
  defaults(schema: JSONSchemaProps, place: string, pruned: boolean): FieldError[];
  /** Faults and costs of `x-kubernetes-validations`. @param old the stored spec, whose expressions may use what was removed since. */
  expressions(schema: JSONSchemaProps, place: string, old: CustomResourceDefinitionSpec | undefined): FieldError[];
  /** Whether a stored definition has defaults with unknown fields. */
  hasUnprunedDefaults(schema: JSONSchemaProps): boolean;
}

const NOTHING: SchemaValueChecks = { defaults: () => [], expressions: () => [], hasUnprunedDefaults: () => false };
let checks = NOTHING;

export function useSchemaValueChecks(given: SchemaValueChecks): void {
  checks = given;
}

export function schemaValueChecks(): SchemaValueChecks {
  return checks;
}
