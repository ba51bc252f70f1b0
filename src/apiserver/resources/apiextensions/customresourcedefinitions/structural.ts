/**
 * Structural schemas: every field has one place with a type, and junctors (`allOf`, `anyOf`, `oneOf`, `not`) only restrict values.
 *
 * Only such a schema can prune, default and merge objects. Faults are sorted by their text, as upstream has them.
 */
import type { JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { fieldErrorText, type FieldError } from '#machinery/field-error';
import { semanticEqual } from '#machinery/deep-equal';
import { Faults } from '../../rules/faults.ts';
import { regularExpressionFault } from '../../rules/regular-expressions.ts';
import { isSchema } from './schema-walk.ts';

type Level = 'root' | 'item' | 'field';

const UNSUPPORTED = [['id', 'id'], ['$schema', 'schema'], ['$ref', '$ref'], ['patternProperties', 'patternProperties'], ['dependencies', 'dependencies'],
  ['additionalItems', 'additionalItems'], ['definitions', 'definitions']] as const;

/** @returns why no structural schema can be made of it. */
export function unstructuralFault(schema: JSONSchemaProps): string | undefined {
  for (const [field, name] of UNSUPPORTED) {
    const value = schema[field];
    const isSet = field === 'additionalItems' ? value !== undefined : Boolean(value) && (typeof value === 'string' || Object.keys(value as object).length > 0);
    if (isSet) return `OpenAPIV3Schema '${name}' is not supported`;
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  if (Array.isArray(schema.items) && schema.items.length > 0) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  const below = [schema.not, ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), schema.items, ...Object.values(schema.properties ?? {}),
    schema.additionalProperties].filter(isSchema);
  for (const one of below) {
    const fault = unstructuralFault(one);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

export function structuralFaults(schema: JSONSchemaProps, place: string): FieldError[] {
  const faults = new Faults();
  checkInvariants(schema, 'root', place, faults);
  checkCompleteness(schema, schema, place, place, faults);
  const texts = new Map(faults.errors.map((error) => [error, fieldErrorText(error)]));
  return faults.errors.sort((a, b) => (texts.get(a)! < texts.get(b)! ? -1 : texts.get(a) === texts.get(b) ? 0 : 1));
}

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root', item: 'must not be empty for specified array items', field: 'must not be empty for specified object fields',
};

function checkInvariants(schema: JSONSchemaProps, level: Level, place: string, faults: Faults): void {
  const { type = '', items, properties = {}, additionalProperties: more } = schema;
  const embedded = schema['x-kubernetes-embedded-resource'] ?? false;
  const intOrString = schema['x-kubernetes-int-or-string'] ?? false;
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] ?? false;
  if (type === 'array' && !isSchema(items)) faults.required(`${place}.items`, 'must be specified');
  if (isSchema(items)) checkInvariants(items, 'item', `${place}.items`, faults);
  for (const [name, property] of Object.entries(properties)) checkInvariants(property, 'field', `${place}.properties[${name}]`, faults);
  if (more !== undefined && level === 'root') faults.forbidden(`${place}.additionalProperties`, 'must not be used at the root');
  if (isSchema(more)) checkInvariants(more, 'field', `${place}.additionalProperties`, faults);
  if (intOrString && preserves) faults.invalid(`${place}.x-kubernetes-preserve-unknown-fields`, true, 'must be false if x-kubernetes-int-or-string is true');
  if (intOrString && embedded) faults.invalid(`${place}.x-kubernetes-embedded-resource`, true, 'must be false if x-kubernetes-int-or-string is true');
  checkValues(schema, isIntOrString(schema.anyOf), isIntOrString(schema.allOf?.[0]?.anyOf), place, faults);
  if (embedded && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true';
    if (type === '') faults.required(`${place}.type`, text);
    else faults.invalid(`${place}.type`, type, text);
  } else if (type === '' && !intOrString && !preserves) faults.required(`${place}.type`, EMPTY_TYPE[level]);
  if (embedded && more !== undefined) faults.forbidden(`${place}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set');
  if (level === 'root' && type !== '' && type !== 'object') faults.invalid(`${place}.type`, type, 'must be object at the root');
  checkResourceFields(properties, level, level === 'root' || embedded, place, faults);
  if (embedded && !preserves && Object.keys(properties).length === 0) {
    faults.required(`${place}.properties`, 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields');
  }
}

function checkResourceFields(properties: Readonly<Record<string, JSONSchemaProps>>, level: Level, isResource: boolean, place: string, faults: Faults): void {
  for (const name of ['kind', 'apiVersion']) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property && isResource && property.type !== 'string') faults.invalid(`${place}.properties[${name}].type`, property.type, 'must be string');
  }
  const metadata = Object.hasOwn(properties, 'metadata') ? properties['metadata'] : undefined;
  if (!metadata) return;
  const at = `${place}.properties[metadata]`;
  if (isResource && metadata.type !== 'object') faults.invalid(`${at}.type`, metadata.type, 'must be object');
  if (level !== 'root') return;
  const { type: _type, default: _default, properties: named, ...rest } = metadata;
  const onlyNames = Object.keys(named ?? {}).every((name) => name === 'name' || name === 'generateName');
  const isPlain = Object.values(rest).every((value) => value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0));
  if (!onlyNames || !isPlain) {
    faults.forbidden(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified');
  }
}

/** `anyOf: [{type: integer}, {type: string}]` is how integers or strings used to be written. */
function isIntOrString(clauses: readonly JSONSchemaProps[] | undefined): boolean {
  return clauses?.length === 2 && semanticEqual(clauses, [{ type: 'integer' }, { type: 'string' }]);
}

function checkValues(schema: JSONSchemaProps, skipAnyOf: boolean, skipFirstAnyOf: boolean, place: string, faults: Faults): void {
  if (!skipAnyOf) for (const [index, clause] of (schema.anyOf ?? []).entries()) checkNested(clause, false, `${place}.anyOf[${index}]`, faults);
  for (const [index, clause] of (schema.allOf ?? []).entries()) checkNested(clause, skipFirstAnyOf && index === 0, `${place}.allOf[${index}]`, faults);
  for (const [index, clause] of (schema.oneOf ?? []).entries()) checkNested(clause, false, `${place}.oneOf[${index}]`, faults);
  if (schema.not) checkNested(schema.not, false, `${place}.not`, faults);
  if (!schema.pattern) return;
  const fault = regularExpressionFault(schema.pattern);
  if (fault) faults.invalid(`${place}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${fault}`);
}

const NOT_NESTED = [
  ['type', 'must be empty to be structural'], ['title', 'must be empty to be structural'], ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'], ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'], ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'], ['x-kubernetes-validations', 'must be empty to be structural'],
] as const;
const UNDEFINED_NESTED = ['default', 'x-kubernetes-list-type', 'x-kubernetes-map-type'] as const;

function checkNested(schema: JSONSchemaProps, skipAnyOf: boolean, place: string, faults: Faults): void {
  checkValues(schema, skipAnyOf, false, place, faults);
  if (isSchema(schema.items)) checkNested(schema.items, false, `${place}.items`, faults);
  for (const [name, property] of Object.entries(schema.properties ?? {})) checkNested(property, false, `${place}.properties[${name}]`, faults);
  if (schema.additionalProperties) faults.forbidden(`${place}.additionalProperties`, 'must be undefined to be structural');
  for (const [field, text] of NOT_NESTED) {
    const value = schema[field];
    if (value && (!Array.isArray(value) || value.length > 0)) faults.forbidden(`${place}.${field}`, text);
  }
  for (const field of UNDEFINED_NESTED) if (schema[field] !== undefined) faults.forbidden(`${place}.${field}`, 'must be undefined to be structural');
  if (schema.properties && Object.hasOwn(schema.properties, 'metadata')) {
    faults.forbidden(`${place}.properties[metadata]`, 'must not be specified in a nested context');
  }
}

/** What a junctor names must stand in the schema itself. */
function checkCompleteness(values: JSONSchemaProps, schema: JSONSchemaProps, place: string, from: string, faults: Faults): void {
  const nested: [JSONSchemaProps | undefined, string][] = [
    [values.not, `${from}.not`],
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((junctor) => (values[junctor] ?? [])
      .map((clause, index): [JSONSchemaProps, string] => [clause, `${from}.${junctor}[${index}]`])),
  ];
  for (const [clause, at] of nested) if (clause) checkNestedCompleteness(clause, schema, place, at, faults);
}

function checkNestedCompleteness(values: JSONSchemaProps, schema: JSONSchemaProps | undefined, place: string, from: string, faults: Faults): void {
  if (!schema) return faults.required(place, `because it is defined in ${from}`);
  checkCompleteness(values, schema, place, from, faults);
  if (isSchema(values.items)) {
    checkNestedCompleteness(values.items, isSchema(schema.items) ? schema.items : undefined, `${place}.items`, `${from}.items`, faults);
  }
  for (const [name, property] of Object.entries(values.properties ?? {})) {
    const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    checkNestedCompleteness(property, own, `${place}.properties[${name}]`, `${from}.properties[${name}]`, faults);
  }
}
