/**
 * A definition's spec as upstream's validators see it: what all versions say alike stands once at the top and no longer in the
 * versions, and faults are reported there (`spec.validation`, `spec.subresources`, …). Never stored, never sent.
 */
import type {
  CustomResourceColumnDefinition, CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, CustomResourceSubresources, CustomResourceValidation,
  JSONSchemaProps, SelectableField,
} from '#api/generated/apiextensions/v1';
import { semanticEqual } from '#machinery/deep-equal';

export interface InternalSpec extends CustomResourceDefinitionSpec {
  version: string;
  validation?: CustomResourceValidation;
  subresources?: CustomResourceSubresources;
  additionalPrinterColumns?: CustomResourceColumnDefinition[];
  selectableFields?: SelectableField[];
}

const HOISTED = [['schema', 'validation'], ['subresources', 'subresources'], ['additionalPrinterColumns', 'additionalPrinterColumns'],
  ['selectableFields', 'selectableFields']] as const;

export function internalSpec(spec: CustomResourceDefinitionSpec | undefined): InternalSpec {
  const versions = (spec?.versions ?? []).map((version) => ({ ...version }));
  const result: InternalSpec = { ...spec as CustomResourceDefinitionSpec, ...(spec?.versions ? { versions } : {}), version: versions[0]?.name ?? '' };
  const first = versions[0];
  if (!first) return result;
  for (const [field, hoisted] of HOISTED) {
    // Structs are compared as pointers: one that is there differs from one that is not.
    if (!versions.every((version) => Boolean(version[field]) === Boolean(first[field]) && semanticEqual(version[field], first[field]))) continue;
    if (first[field] !== undefined) Object.assign(result, { [hoisted]: first[field] });
    for (const version of versions) delete version[field];
  }
  return result;
}

export function subresourcesOf(spec: InternalSpec, version: CustomResourceDefinitionVersion): CustomResourceSubresources | undefined {
  return spec.versions.some((one) => one.subresources) ? version.subresources : spec.subresources;
}

/** The schemas of a definition, wherever they stand. */
export function schemasOf(spec: CustomResourceDefinitionSpec | undefined): JSONSchemaProps[] {
  return (spec?.versions ?? []).map((version) => version.schema?.openAPIV3Schema).filter((schema) => schema !== undefined);
}
