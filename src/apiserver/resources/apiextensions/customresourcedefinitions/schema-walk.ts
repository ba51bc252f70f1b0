/** Visits a schema and everything below it. */
import type { JSONSchemaProps } from '#api/generated/apiextensions/v1';

export function isSchema(value: unknown): value is JSONSchemaProps {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schemas directly below this one. */
function children(schema: JSONSchemaProps): JSONSchemaProps[] {
  const { items, allOf, anyOf, oneOf, not, properties, additionalProperties, patternProperties, additionalItems, definitions, dependencies } = schema;
  return [
    ...(Array.isArray(items) ? items as unknown[] : [items]), ...(allOf ?? []), ...(anyOf ?? []), ...(oneOf ?? []), not, ...Object.values(properties ?? {}),
    additionalProperties, ...Object.values(patternProperties ?? {}), additionalItems, ...Object.values(definitions ?? {}), ...Object.values(dependencies ?? {}),
  ].filter(isSchema);
}

export function everySchema(schema: JSONSchemaProps, visit: (schema: JSONSchemaProps) => void): void {
  visit(schema);
  for (const child of children(schema)) everySchema(child, visit);
}

export function someSchema(schema: JSONSchemaProps, test: (schema: JSONSchemaProps) => boolean): boolean {
  return test(schema) || children(schema).some((child) => someSchema(child, test));
}
