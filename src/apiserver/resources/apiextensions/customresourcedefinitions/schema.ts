/** The rules of a definition's schema: which keywords may be used where. */
import type { CustomResourceValidation, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { faultsOf, type Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkListsAndMaps } from './list-rules.ts';
import { checkRuleTexts } from './rule-texts.ts';
import type { SchemaRules, SchemaState } from './schema-state.ts';
import { schemaValueChecks } from './schema-values.ts';
import { isSchema } from './schema-walk.ts';
import { structuralFaults, unstructuralFault } from './structural.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const RESOURCE_FIELDS = ['metadata', 'kind', 'apiVersion'];

/** In the order of the internal type, with the names that upstream's text lists. */
const AT_ROOT_WITH_STATUS = ['description', 'type', 'format', 'title', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength',
  'pattern', 'maxItems', 'minItems', 'uniqueItems', 'multipleOf', 'required', 'items', 'properties', 'externalDocs', 'example',
  'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-validations'];
const AT_ROOT_TEXT = '[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems '
  + 'UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]';

export function checkSchema(validation: CustomResourceValidation | undefined, hasStatus: boolean, rules: SchemaRules, place: string, faults: Faults): void {
  const schema = validation?.openAPIV3Schema;
  if (!schema) return;
  const before = faults.count;
  const at = `${place}.openAPIV3Schema`;
  if (hasStatus) checkRoot(schema, at, faults);
  if (schema.nullable) faults.forbidden(`${at}.nullable`, 'nullable cannot be true at the root');
  const unstructural = rules.structural ? unstructuralFault(schema) : undefined;
  const isSound = rules.structural && unstructural === undefined && checkStructure(schema, rules, at, faults);
  const keywords = faultsOf((own) => checkKeywords(schema, { isRoot: true, noDefaults: undefined, insideMetadata: false }, rules, at, own));
  faults.add(keywords);
  if (isSound && keywords.length === 0) faults.add(schemaValueChecks().expressions(schema, at, rules.oldSpec));
  if (unstructural !== undefined && faults.count === before) faults.invalid(at, '', unstructural);
}

/** @returns whether the schema is structural, with defaults that fit it. */
function checkStructure(schema: JSONSchemaProps, rules: SchemaRules, at: string, faults: Faults): boolean {
  const found = structuralFaults(schema, at);
  const errors = found.length > 0 ? found : schemaValueChecks().defaults(schema, at, rules.prunedDefaults);
  faults.add(errors);
  return errors.length === 0;
}

/** With a status of its own, the root says little but which fields there are. */
function checkRoot(schema: JSONSchemaProps, at: string, faults: Faults): void {
  // The type stands before most other keywords in the internal type.
  for (const field of ['id', '$schema', '$ref'] as const) if (schema[field]) return refuseRoot(schema, at, faults);
  if (schema.type && schema.type !== 'object') {
    return faults.invalid(`${at}.type`, schema.type, 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled');
  }
  const odd = Object.entries(schema).some(([field, value]) => value !== undefined && value !== '' && value !== false && !AT_ROOT_WITH_STATUS.includes(field));
  if (odd) refuseRoot(schema, at, faults);
}

function refuseRoot(schema: JSONSchemaProps, at: string, faults: Faults): void {
  faults.invalid(at, goJsonOf('apiextensions/v1.JSONSchemaProps', schema),
    `only ${AT_ROOT_TEXT} fields are allowed at the root of the schema if the status subresource is enabled`);
}

function checkKeywords(schema: JSONSchemaProps, state: SchemaState, rules: SchemaRules, place: string, faults: Faults): void {
  checkSupport(schema, state, rules, place, faults);
  const inner: SchemaState = { ...state, isRoot: false };
  const below = (child: unknown, at: string, own: SchemaState = inner): void => { if (isSchema(child)) checkKeywords(child, own, rules, at, faults); };
  if (schema.uniqueItems) {
    faults.forbidden(`${place}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  }
  const { properties = {}, additionalProperties: more } = schema;
  if (more !== undefined) {
    if (Object.keys(properties).length > 0 && more !== true) {
      faults.forbidden(`${place}.additionalProperties`, 'additionalProperties and properties are mutual exclusive');
    }
    const reason = 'must not be set inside additionalProperties applying to object metadata';
    below(more, `${place}.additionalProperties`, state.insideMetadata ? { ...inner, noDefaults: reason } : inner);
  }
  for (const [name, property] of Object.entries(properties)) below(property, `${place}.properties[${name}]`, propertyState(name, schema, state));
  below(schema.not, `${place}.not`);
  for (const junctor of ['allOf', 'oneOf', 'anyOf'] as const) {
    for (const [index, clause] of (schema[junctor] ?? []).entries()) below(clause, `${place}.${junctor}[${index}]`);
  }
  for (const [name, definition] of Object.entries(schema.definitions ?? {})) below(definition, `${place}.definitions[${name}]`);
  if (Array.isArray(schema.items)) for (const [index, item] of schema.items.entries()) below(item, `${place}.items[${index}]`);
  else below(schema.items, `${place}.items`);
  for (const [name, dependency] of Object.entries(schema.dependencies ?? {})) below(dependency, `${place}.dependencies[${name}]`);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    faults.invalid(`${place}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined');
  }
  checkListsAndMaps(schema, place, rules, faults);
  checkRuleTexts(schema, place, faults);
}

function propertyState(name: string, schema: JSONSchemaProps, state: SchemaState): SchemaState {
  const inner = { ...state, isRoot: false };
  if (!RESOURCE_FIELDS.includes(name) || !(state.isRoot || schema['x-kubernetes-embedded-resource'])) return inner;
  return { ...inner, insideMetadata: true, ...(state.isRoot ? { noDefaults: `must not be set in top-level ${name}` } : {}) };
}

const UNSUPPORTED = ['patternProperties', 'definitions', 'dependencies'] as const;

function checkSupport(schema: JSONSchemaProps, state: SchemaState, rules: SchemaRules, place: string, faults: Faults): void {
  const { type = '' } = schema;
  if (rules.knownTypes && type !== '' && !TYPES.includes(type)) faults.notSupported(`${place}.type`, type, TYPES);
  if (schema.default !== undefined && state.noDefaults !== undefined) faults.forbidden(`${place}.default`, state.noDefaults);
  if (schema.id) faults.forbidden(`${place}.id`, 'id is not supported');
  if (schema.additionalItems !== undefined) faults.forbidden(`${place}.additionalItems`, 'additionalItems is not supported');
  for (const field of UNSUPPORTED) {
    const value = schema[field];
    if (value && (field === 'dependencies' || Object.keys(value).length > 0)) faults.forbidden(`${place}.${field}`, `${field} is not supported`);
  }
  if (schema.$ref !== undefined) faults.forbidden(`${place}.$ref`, '$ref is not supported');
  if (type === 'null') faults.forbidden(`${place}.type`, 'type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(schema.items) && schema.items.length > 0) faults.forbidden(`${place}.items`, 'items must be a schema object and not an array');
  if (state.insideMetadata && schema['x-kubernetes-embedded-resource']) {
    faults.forbidden(`${place}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta');
  }
}
