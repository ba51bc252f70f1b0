/** Defaults of a schema must be what the schema asks for themselves. */
import type { JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { DecodeError } from '#machinery/codec/decode-error';
import { fieldErrorsText, invalid, path as fieldPath, type FieldError } from '#machinery/field-error';
import { pruneValue } from '#machinery/schema/structural-prune';
import { valueFaults } from '#machinery/schema/structural-validate';
import { asResource, RESOURCE_KEYS, type JsonMap, type Structural } from '#machinery/schema/structural';
import type { SchemaValueChecks } from '../resources/apiextensions/customresourcedefinitions/schema-values.ts';
import { coerceEmbedded, coerceResource, embeddedFaults } from './embedded-metadata.ts';
import type { RuleCompiler } from './rules.ts';

interface Position {
  /** The resource that the schema is part of. */
  readonly resource: Structural;
  /** Inside its metadata, kind or apiVersion. */
  readonly insideMetadata: boolean;
  /** The resource around a value of this place, with nothing else in it. */
  around(value: unknown): JsonMap;
}

interface Judge { readonly pruned: boolean; readonly rules: RuleCompiler }

const TYPE_META = { apiVersion: 'validation/v1', kind: 'Validation' };
const atRoot = (value: unknown): JsonMap => ({ ...TYPE_META, ...value as JsonMap });

export function schemaValueChecksWith(rules: RuleCompiler): SchemaValueChecks {
  return {
    defaults(schema, place, pruned) {
      const resource = asResource(schema as Structural);
      const errors: FieldError[] = [];
      walk(resource, place, { resource, insideMetadata: false, around: atRoot }, { pruned, rules }, errors);
      return errors;
    },
    expressions: (schema, place, old) => rules.schemaFaults(schema, place, old),
    hasUnprunedDefaults,
  };
}

/** Below maps of any keys there are no defaults. */
function walk(schema: Structural, place: string, given: Position, judge: Judge, errors: FieldError[]): void {
  const isResource = schema['x-kubernetes-embedded-resource'] === true;
  const position = isResource ? { resource: schema, insideMetadata: false, around: atRoot } : given;
  if (schema.default !== undefined && schema.default !== null) errors.push(...defaultFaults(schema, `${place}.default`, position, judge));
  if (schema.items !== undefined) walk(schema.items, `${place}.items`, { ...position, around: (value) => position.around([value]) }, judge, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const insideMetadata = position.insideMetadata || (isResource && RESOURCE_KEYS.has(name));
    walk(property, `${place}.properties[${name}]`, { ...position, insideMetadata, around: (value) => position.around({ [name]: value }) }, judge, errors);
  }
}

function defaultFaults(schema: Structural, place: string, position: Position, judge: Judge): FieldError[] {
  const value: unknown = structuredClone(schema.default);
  const errors: FieldError[] = [];
  if (position.insideMetadata) {
    errors.push(...metadataFaults(value, schema, place, position));
  } else {
    if (judge.pruned && pruneValue(structuredClone(value), schema).length > 0) errors.push(invalid(place, schema.default, 'must not have unknown fields'));
    const own = embeddedValueFaults(value, schema, place);
    if (own.length > 0) return [...errors, ...own];
  }
  if (position.insideMetadata && errors.length > 0) return errors;
  const faults = valueFaults(value, schema, place);
  return [...errors, ...faults, ...(faults.length > 0 ? [] : ruleFaults(schema, value, place, judge))];
}

function embeddedValueFaults(value: unknown, schema: Structural, place: string): FieldError[] {
  try {
    coerceEmbedded(value, schema);
  } catch (error) {
    if (error instanceof DecodeError) return [invalid(place, schema.default, error.message)];
    throw error;
  }
  return embeddedFaults(value, schema, false, fieldPath(place));
}

function metadataFaults(value: unknown, schema: Structural, place: string, position: Position): FieldError[] {
  const resource = position.around(structuredClone(value));
  const refuse = (text: string): FieldError[] => [invalid(place, schema.default, `must result in valid metadata: ${text}`)];
  try {
    coerceResource(resource, position.resource);
  } catch (error) {
    if (error instanceof DecodeError) return refuse(error.message);
    throw error;
  }
  const errors = embeddedFaults(resource, position.resource, true);
  return errors.length > 0 ? refuse(fieldErrorsText(errors)) : [];
}

function ruleFaults(schema: Structural, value: unknown, place: string, { rules }: Judge): readonly FieldError[] {
  return rules.compile(schema, false)?.check(value, undefined, place).errors ?? [];
}

function hasUnprunedDefaults(schema: JSONSchemaProps): boolean {
  const structural = schema as Structural;
  if (structural.default !== undefined && pruneValue(structuredClone(structural.default), structural).length > 0) return true;
  return [structural.items, ...Object.values(structural.properties ?? {})].some((one) => one !== undefined && hasUnprunedDefaults(one as JSONSchemaProps));
}
