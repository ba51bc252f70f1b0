/** Formats that values are checked against; any other one is ignored, with a warning. */
import type { CustomResourceDefinitionSpec, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { internalSpec } from './internal-form.ts';
import { everySchema } from './schema-walk.ts';

/** Without their dashes. */
const TEXT_FORMATS = new Set(['bsonobjectid', 'uri', 'email', 'hostname', 'ipv4', 'ipv6', 'cidr', 'mac', 'uuid', 'uuid3', 'uuid4', 'uuid5', 'isbn', 'isbn10',
  'isbn13', 'creditcard', 'ssn', 'hexcolor', 'rgbcolor', 'byte', 'password', 'date', 'duration', 'datetime', 'k8sshortname', 'k8slongname']);
const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = { integer: ['int32', 'int64'], number: ['float', 'double'] };

function isKnown({ format = '', type = '' }: JSONSchemaProps): boolean {
  if (type === '' || type === 'string') return TEXT_FORMATS.has(format.replaceAll('-', ''));
  return NUMBER_FORMATS[type]?.includes(format) ?? false;
}

/** Each as often as it occurs. */
export function unknownFormats(spec: CustomResourceDefinitionSpec | undefined): string[] {
  const found: string[] = [];
  const internal = internalSpec(spec);
  const schemas = [internal.validation?.openAPIV3Schema, ...(internal.versions ?? []).map((version) => version.schema?.openAPIV3Schema)];
  for (const root of schemas) if (root) everySchema(root, (schema) => { if (schema.format && !isKnown(schema)) found.push(schema.format); });
  return found;
}
