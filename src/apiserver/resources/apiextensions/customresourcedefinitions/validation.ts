/** The rules of a definition as a whole, and which younger ones a stored definition is spared. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '#api/generated/apiextensions/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { authorityBundleFault } from '../../rules/authority-bundle.ts';
import { faultsOf, type Faults } from '../../rules/faults.ts';
import { goJsonOfList } from '../../rules/internal-print.ts';
import { checkApproval } from './approval.ts';
import { checkConversion, type ConversionRules, hasKnownReviewVersion } from './conversion-webhook.ts';
import { type InternalSpec, internalSpec, schemasOf, subresourcesOf } from './internal-form.ts';
import { checkMapKeys, hasGranularSetItems } from './list-rules.ts';
import { checkNames } from './names.ts';
import { checkSchema } from './schema.ts';
import type { SchemaRules } from './schema-state.ts';
import { schemaValueChecks } from './schema-values.ts';
import { someSchema } from './schema-walk.ts';
import { structuralFaults, unstructuralFault } from './structural.ts';
import { checkColumns, checkDeprecation, checkSelectableFields, checkSubresources } from './version.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

interface DefinitionRules extends SchemaRules, ConversionRules {
  readonly wantsSchemas: boolean;
  /** By version; '' for fields that stand at the top. */
  readonly manySelectableFields: ReadonlySet<string>;
}

const STRICT: DefinitionRules = {
  structural: true, knownTypes: true, atomicSets: true, mapKeys: true, prunedDefaults: true, oldSpec: undefined, knownReviewVersion: true,
  anyAuthorityBundle: true, wantsSchemas: true, manySelectableFields: new Set(),
};

export function isEstablished(definition: CustomResourceDefinition): boolean {
  return (definition.status?.conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}

function rulesBeside(spec: InternalSpec, old: CustomResourceDefinition): DefinitionRules {
  const schemas = schemasOf(old.spec);
  const bundle = old.spec?.conversion?.webhook?.clientConfig?.caBundle;
  const before = internalSpec(old.spec);
  const many = (fields: unknown[] | undefined, oldFields: unknown[] | undefined): boolean => (oldFields ?? []).length > 8 && semanticEqual(fields, oldFields);
  const manyVersions = (spec.versions ?? []).filter((version) => many(version.selectableFields,
    before.versions?.find(({ name }) => name === version.name)?.selectableFields)).map(({ name }) => name);
  return {
    structural: schemas.every((schema) => unstructuralFault(schema) === undefined && structuralFaults(schema, '').length === 0),
    knownTypes: !schemas.some((schema) => someSchema(schema, ({ type }) => Boolean(type) && !TYPES.includes(type!))),
    atomicSets: !schemas.some((schema) => someSchema(schema, hasGranularSetItems)),
    mapKeys: !schemas.some((schema) => someSchema(schema, (one) => faultsOf((faults) => checkMapKeys(one, '', faults)).length > 0)),
    prunedDefaults: !schemas.some((schema) => schemaValueChecks().hasUnprunedDefaults(schema)),
    oldSpec: old.spec,
    knownReviewVersion: hasKnownReviewVersion(old.spec?.conversion?.webhook?.conversionReviewVersions),
    anyAuthorityBundle: !isEstablished(old) || (Boolean(bundle) && authorityBundleFault(bundle!) !== undefined),
    wantsSchemas: schemas.length === (old.spec?.versions ?? []).length,
    manySelectableFields: new Set([...manyVersions, ...(many(spec.selectableFields, before.selectableFields) ? [''] : [])]),
  };
}

export function checkDefinition(definition: CustomResourceDefinition, old: CustomResourceDefinition | undefined, faults: Faults): void {
  const spec = internalSpec(definition.spec);
  checkSpec(spec, old ? rulesBeside(spec, old) : STRICT, faults);
  if (old) checkFixed(spec, old, faults);
  checkNames(definition.status?.acceptedNames ?? {}, 'status.acceptedNames', faults);
  checkStoredVersions(definition.status?.storedVersions, spec.versions ?? [], faults);
  checkApproval(definition, old, faults);
  if (definition.spec?.preserveUnknownFields && !old?.spec?.preserveUnknownFields) {
    faults.invalid('spec.preserveUnknownFields', true,
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead');
  }
}

function checkFixed(spec: InternalSpec, old: CustomResourceDefinition, faults: Faults): void {
  const check = (now: string | undefined, before: string | undefined, place: string): void => {
    if ((now ?? '') !== (before ?? '')) faults.invalid(place, now, 'field is immutable');
  };
  if (isEstablished(old)) {
    check(spec.scope, old.spec?.scope, 'spec.scope');
    check(spec.names?.kind, old.spec?.names?.kind, 'spec.names.kind');
  }
  check(spec.group, old.spec?.group, 'spec.group');
  check(spec.names?.plural, old.spec?.names?.plural, 'spec.names.plural');
}

function checkStoredVersions(stored: readonly string[] | undefined, versions: readonly CustomResourceDefinitionVersion[], faults: Faults): void {
  const place = 'status.storedVersions';
  if (!stored?.length) return faults.invalid(place, stored ?? null, 'must have at least one stored version');
  const left = new Map(stored.map((name, index) => [name, index]));
  for (const { name, storage } of versions) {
    // A version that stands there twice is found once.
    const isStored = left.delete(name);
    if (storage && !isStored) faults.invalid(place, stored, `must have the storage version ${name}`);
  }
  for (const [name, index] of left) {
    faults.invalid(`${place}[${index}]`, name, `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until `
      + `a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`);
  }
}

function checkGroup(group: string | undefined, faults: Faults): void {
  if (!group) return faults.required('spec.group');
  const texts = dns1123SubdomainFaults(group);
  if (texts.length > 0) faults.invalid('spec.group', group, texts.join(','));
  else if (!group.includes('.')) faults.invalid('spec.group', group, 'should be a domain with at least one dot');
}

function checkSpec(spec: InternalSpec, given: DefinitionRules, faults: Faults): void {
  checkGroup(spec.group, faults);
  faults.oneOf('spec.scope', spec.scope, ['Cluster', 'Namespaced']);
  const preserves = spec.preserveUnknownFields ?? false;
  const defaults = schemasOfInternal(spec).some((schema) => someSchema(schema, (one) => one.default !== undefined));
  const extended = schemasOfInternal(spec).some((schema) => someSchema(schema, (one) => Boolean(one['x-kubernetes-embedded-resource']
    ?? one['x-kubernetes-int-or-string'] ?? one['x-kubernetes-list-type'] ?? one['x-kubernetes-validations']?.length
    ?? one['x-kubernetes-list-map-keys']?.length) || one['x-kubernetes-preserve-unknown-fields'] !== undefined));
  const rules = { ...given, structural: given.structural || !preserves || defaults || extended };
  checkSchemasPresent(spec, given.wantsSchemas, preserves, faults);
  if (defaults && preserves) faults.invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema');
  for (const [index, version] of (spec.versions ?? []).entries()) checkVersion(version, spec, rules, `spec.versions[${index}]`, faults);
  checkVersionList(spec, faults);
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const) if (!spec.names?.[field]) faults.required(`spec.names.${field}`);
  checkNames(spec.names ?? {}, 'spec.names', faults);
  const anyStatus = [spec.subresources, ...(spec.versions ?? []).map((version) => version.subresources)].some((one) => one?.status);
  checkSchema(spec.validation, anyStatus, rules, 'spec.validation', faults);
  checkSubresources(spec.subresources, 'spec.subresources', faults);
  checkColumns(spec.additionalPrinterColumns, 'spec.additionalPrinterColumns', faults);
  if (spec.selectableFields?.length) {
    const schema = spec.validation?.openAPIV3Schema;
    if (!spec.validation) faults.invalid('spec.selectableFields', '', 'may only be set when validations.schema is included');
    else checkSelectableFields(spec.selectableFields, schema ?? {}, rules.manySelectableFields.has(''), 'spec.selectableFields', faults);
  }
  if (spec.conversion && spec.conversion.strategy !== 'None' && preserves) {
    faults.invalid('spec.conversion.strategy', spec.conversion.strategy, 'must be None if spec.preserveUnknownFields is true');
  }
  checkConversion(spec.conversion, rules, faults);
}

function schemasOfInternal(spec: InternalSpec): ReturnType<typeof schemasOf> {
  const top = spec.validation?.openAPIV3Schema;
  return [...(top ? [top] : []), ...schemasOf(spec)];
}

function checkSchemasPresent(spec: InternalSpec, wanted: boolean, preserves: boolean, faults: Faults): void {
  if (spec.validation?.openAPIV3Schema || (!wanted && preserves)) return;
  for (const [index, version] of (spec.versions ?? []).entries()) {
    if (version.schema?.openAPIV3Schema || (!wanted && !version.served)) continue;
    faults.required(`spec.versions[${index}].schema.openAPIV3Schema`, wanted ? '' : 'because otherwise all fields are pruned');
  }
}

function checkVersion(version: CustomResourceDefinitionVersion, spec: InternalSpec, rules: DefinitionRules, at: string, faults: Faults): void {
  const texts = dns1035LabelFaults(version.name ?? '');
  if (texts.length > 0) faults.invalid(`${at}.name`, version.name, texts.join(','));
  checkDeprecation(version, at, faults);
  checkSchema(version.schema, subresourcesOf(spec, version)?.status !== undefined, rules, `${at}.schema`, faults);
  checkSubresources(version.subresources, `${at}.subresources`, faults);
  checkColumns(version.additionalPrinterColumns, `${at}.additionalPrinterColumns`, faults);
  if (!version.selectableFields?.length) return;
  const schema = version.schema?.openAPIV3Schema;
  if (!schema) faults.invalid(`${at}.selectableFields`, '', 'may only be set when `version.schema.openAPIV3Schema` is not included');
  else checkSelectableFields(version.selectableFields, schema, rules.manySelectableFields.has(version.name), `${at}.selectableFields`, faults);
}

function checkVersionList(spec: InternalSpec, faults: Faults): void {
  const versions = spec.versions ?? [];
  const printed = goJsonOfList('apiextensions/v1.CustomResourceDefinitionVersion', spec.versions);
  const names = versions.map(({ name = '' }) => name);
  if (new Set(names).size !== names.length) faults.invalid('spec.versions', printed, 'must contain unique version names');
  if (versions.filter(({ storage }) => storage).length !== 1) {
    faults.invalid('spec.versions', printed, 'must have exactly one version marked as storage version');
  }
  const texts = spec.version === '' ? [] : dns1035LabelFaults(spec.version);
  if (texts.length > 0) faults.invalid('spec.version', spec.version, texts.join(','));
}
