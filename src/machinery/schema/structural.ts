/**
 * A custom resource's schema: the JSON schema of its definition, in which every field has one place with a type.
 *
 * Read by pruning, defaulting and validation; whether a schema is structural is for whoever takes the definition in to check.
 */

export interface Structural {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly multipleOf?: number;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  readonly maxProperties?: number;
  readonly minProperties?: number;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly additionalProperties?: Structural | boolean;
  readonly items?: Structural;
  readonly allOf?: readonly Structural[];
  readonly anyOf?: readonly Structural[];
  readonly oneOf?: readonly Structural[];
  readonly not?: Structural;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
}

export type JsonMap = Record<string, unknown>;

/** Keys of every object that is a resource. */
export const RESOURCE_KEYS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schema of a declared property. */
export function propertyOf(schema: Structural | undefined, name: string): Structural | undefined {
  const properties = schema?.properties;
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The schema of keys that are not declared; undefined where there is none, or any value may stand there. */
export function additionalOf(schema: Structural | undefined): Structural | undefined {
  const more = schema?.additionalProperties;
  return typeof more === 'object' ? more : undefined;
}

export function childSchema(schema: Structural | undefined, name: string): Structural | undefined {
  return propertyOf(schema, name) ?? additionalOf(schema);
}

/** The same schema, taken as that of a whole resource: kind, apiVersion and metadata are its own. */
export function asResource(schema: Structural | undefined): Structural {
  return schema?.['x-kubernetes-embedded-resource'] === true ? schema : { ...schema, 'x-kubernetes-embedded-resource': true };
}
