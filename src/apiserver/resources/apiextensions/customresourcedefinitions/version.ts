/** The rules of what versions say beside their schema: warnings, columns, subresources, fields to select by. */
import type { CustomResourceColumnDefinition, CustomResourceDefinitionVersion, CustomResourceSubresources, JSONSchemaProps, SelectableField } from '#api/generated/apiextensions/v1';
import type { Faults } from '../../rules/faults.ts';
import { findField } from './field-path.ts';

const WARNING_BYTES_MAX = 256;
const SELECTABLE_FIELDS_MAX = 8;
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

export function checkDeprecation({ deprecated, deprecationWarning: warning }: CustomResourceDefinitionVersion, at: string, faults: Faults): void {
  if (warning === undefined) return;
  const place = `${at}.deprecationWarning`;
  if (!deprecated) return faults.invalid(place, warning, 'can only be set for deprecated versions');
  if (Buffer.byteLength(warning) > WARNING_BYTES_MAX) faults.invalid(place, warning, 'must be <= 256 characters long');
  if (warning === '') faults.invalid(place, warning, 'must not be an empty string');
  const odd = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning);
  if (odd) {
    const index = Buffer.byteLength(warning.slice(0, odd.index));
    faults.invalid(place, warning, `must only contain printable UTF-8 characters; non-printable character found at index ${index}`);
  }
}

export function checkColumns(columns: readonly CustomResourceColumnDefinition[] | undefined, place: string, faults: Faults): void {
  for (const [index, { name, type, format, jsonPath }] of (columns ?? []).entries()) {
    const at = `${place}[${index}]`;
    if (!name) faults.required(`${at}.name`);
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    if (!type) faults.required(`${at}.type`, types);
    else if (!COLUMN_TYPES.includes(type)) faults.invalid(`${at}.type`, type, types);
    if (format && !COLUMN_FORMATS.includes(format)) faults.invalid(`${at}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`);
    if (!jsonPath) faults.required(`${at}.JSONPath`);
    else checkSimplePath(jsonPath, `${at}.JSONPath`, faults);
  }
}

function checkSimplePath(path: string, place: string, faults: Faults): boolean {
  if (path.startsWith('.')) return true;
  faults.invalid(place, path, 'must be a simple json path starting with .');
  return false;
}

export function checkSubresources(subresources: CustomResourceSubresources | undefined, place: string, faults: Faults): void {
  const scale = subresources?.scale;
  if (!scale) return;
  for (const [field, prefix] of [['specReplicasPath', '.spec'], ['statusReplicasPath', '.status']] as const) {
    const path = scale[field];
    const at = `${place}.scale.${field}`;
    if (!path) faults.required(at);
    else if (checkSimplePath(path, at, faults) && !path.startsWith(`${prefix}.`)) faults.invalid(at, path, `should be a json path under ${prefix}`);
  }
  const selector = scale.labelSelectorPath;
  const at = `${place}.scale.labelSelectorPath`;
  if (selector && checkSimplePath(selector, at, faults) && !/^\.(spec|status)\./.test(selector)) {
    faults.invalid(at, selector, 'should be a json path under either .spec or .status');
  }
}

/** @param mayBeMany the stored version has as many already. */
export function checkSelectableFields(fields: readonly SelectableField[] | undefined, schema: JSONSchemaProps, mayBeMany: boolean, place: string, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, { jsonPath = '' }] of (fields ?? []).entries()) {
    const at = `${place}[${index}].jsonPath`;
    if (jsonPath === '') {
      faults.required(at);
      continue;
    }
    const found = findField(jsonPath, schema, false);
    if (typeof found === 'string') {
      faults.invalid(at, jsonPath, `is an invalid path: ${found}`);
      continue;
    }
    if (found.root === 'metadata') faults.invalid(at, jsonPath, 'must not point to fields in metadata');
    if (!['string', 'boolean', 'integer'].includes(found.schema.type ?? '')) {
      faults.invalid(at, jsonPath, 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.');
    }
    if (seen.has(found.text)) faults.duplicate(at, jsonPath);
    seen.add(found.text);
  }
  if (seen.size > SELECTABLE_FIELDS_MAX && !mayBeMany) faults.tooMany(place, seen.size, SELECTABLE_FIELDS_MAX);
}
