/** One served version of a custom resource as a resource: its rules, columns and subresources. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '#api/generated/apiextensions/v1';
import { invalid, type FieldError } from '#machinery/field-error';
import type { KubeObject } from '#machinery/meta';
import { jsonEqual } from '#machinery/patch/json-value';
import { applyDefaults } from '#machinery/schema/structural-default';
import { listTypeFaults } from '#machinery/schema/structural-lists';
import { changedValueFaults, valueFaults } from '#machinery/schema/structural-validate';
import { propertyOf, type JsonMap, type Structural } from '#machinery/schema/structural';
import type { ResourceDefinition, Strategy, StrategyContext } from '../resources/definition.ts';
import { customScale, scaleSpecFaults, scaleStatusFaults } from './custom-scale.ts';
import { embeddedFaults } from './embedded-metadata.ts';
import { finalizerWarnings } from './finalizer-names.ts';
import { compileJsonPath } from './json-path.ts';
import { customPrinter } from './printer-columns.ts';
import type { CompiledRules, RuleCompiler } from './rules.ts';

/** After these nothing can be said about rules. */
const BLOCKING: ReadonlySet<string> = new Set(['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid']);
const UNCHECKED = 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

const loose = (object: KubeObject): JsonMap => object as unknown as JsonMap;

export interface CustomVersion {
  readonly crd: CustomResourceDefinition;
  readonly version: CustomResourceDefinitionVersion;
  readonly apiVersion: string;
  readonly kind: string;
  readonly schema: Structural | undefined;
}

/** Does the work, and notes what it takes. */
export type Timed = <T>(work: () => T) => T;

/** @param ratcheting times the checks of a changed object beside the old one. */
export function customDefinition(one: CustomVersion, compiler: RuleCompiler, ratcheting: Timed): ResourceDefinition {
  const { crd, version, kind, schema } = one;
  const { group, scope } = crd.spec!;
  const scale = version.subresources?.scale;
  const fields = selectableFieldsOf(version);
  const rules = compiler.compile(schema ?? {}, true);
  return {
    resource: { group, version: version.name, resource: crd.status?.acceptedNames?.plural ?? crd.spec!.names.plural, kind, namespaced: scope === 'Namespaced' },
    schema: '', nameRule: 'dns1123-subdomain', table: customPrinter(version.additionalPrinterColumns),
    strategy: customStrategy(one, rules, ratcheting),
    ...(version.subresources?.status === undefined ? {} : { statusStrategy: statusStrategy(one, rules, ratcheting) }),
    ...(scale === undefined ? {} : { scale: customScale(scale) }),
    ...(fields.length === 0 ? {} : { selectableFields: (object) => fieldValues(object, fields), selectableFieldNames: fields.map(({ name }) => name) }),
  };
}

export interface SelectablePath { readonly name: string; readonly path: (object: unknown) => readonly unknown[] | undefined }

export function selectableFieldsOf(version: CustomResourceDefinitionVersion): SelectablePath[] {
  return (version.selectableFields ?? []).flatMap(({ jsonPath }) => {
    const path = compileJsonPath(jsonPath);
    return path === undefined ? [] : [{ name: jsonPath.replace(/^\./, ''), path }];
  });
}

export function fieldValues(object: KubeObject, fields: readonly SelectablePath[]): Record<string, string> {
  return Object.fromEntries(fields.map(({ name, path }) => {
    const value = path(object)?.[0];
    return [name, value === undefined || value === null ? '' : String(value as string)];
  }));
}

function typeFaults({ apiVersion, kind }: CustomVersion, object: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  if (object.kind !== kind) errors.push(invalid('kind', object.kind ?? '', `must be ${kind}`));
  if (object.apiVersion !== apiVersion) errors.push(invalid('apiVersion', object.apiVersion ?? '', `must be ${apiVersion}`));
  return errors;
}

function withRules(errors: FieldError[], rules: CompiledRules | undefined, object: KubeObject, old: KubeObject | undefined, context: StrategyContext): FieldError[] {
  if (rules === undefined) return errors;
  if (errors.some(({ type }) => BLOCKING.has(type))) return [...errors, invalid(undefined, null, UNCHECKED)];
  const outcome = rules.check(loose(object), old === undefined ? undefined : loose(old));
  for (const text of outcome.warnings) context.warn?.(text);
  return [...errors, ...outcome.errors];
}

function customStrategy(one: CustomVersion, rules: CompiledRules | undefined, ratcheting: Timed): Strategy<KubeObject> {
  const { schema, version } = one;
  const hasStatus = version.subresources?.status !== undefined;
  const scale = version.subresources?.scale;
  const common = (object: JsonMap): FieldError[] => [...scaleSpecFaults(object, scale), ...scaleStatusFaults(object, scale), ...embeddedFaults(object, schema)];
  return {
    defaults: (object) => { applyDefaults(object, schema); },
    prepareForCreate(object) {
      if (hasStatus) delete loose(object)['status'];
      object.metadata.generation = 1;
    },
    prepareForUpdate(object, old) {
      const next = loose(object);
      const before = loose(old);
      if (hasStatus) {
        if (Object.hasOwn(before, 'status')) next['status'] = structuredClone(before['status']); else delete next['status'];
      }
      const { metadata: _metadata, ...content } = next;
      const { metadata: _old, ...oldContent } = before;
      if (!jsonEqual(content, oldContent)) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validateCreate(object, context) {
      const wrong = typeFaults(one, object);
      const errors = wrong.length > 0 ? wrong : [...valueFaults(object, schema ?? {}), ...common(loose(object))];
      return withRules([...errors, ...listTypeFaults(loose(object), schema)], rules, object, undefined, context);
    },
    validateUpdate(object, old, context) {
      const wrong = typeFaults(one, object);
      const errors = wrong.length > 0 ? wrong : [...ratcheting(() => changedValueFaults(object, old, schema ?? {})), ...common(loose(object))];
      return withRules([...errors, ...changedListFaults(object, old, schema)], rules, object, old, context);
    },
    warningsOnCreate: (object) => finalizerWarnings(object.metadata.finalizers, undefined),
    warningsOnUpdate: (object, old) => finalizerWarnings(object.metadata.finalizers, old.metadata.finalizers),
  };
}

/** An object that was stored with lists like that may keep them. */
function changedListFaults(object: KubeObject, old: KubeObject, schema: Structural | undefined): FieldError[] {
  const errors = listTypeFaults(loose(object), schema);
  return errors.length > 0 && listTypeFaults(loose(old), schema).length > 0 ? [] : errors;
}

function statusStrategy(one: CustomVersion, rules: CompiledRules | undefined, ratcheting: Timed): NonNullable<ResourceDefinition['statusStrategy']> {
  const { schema, version } = one;
  const status = propertyOf(schema, 'status');
  return {
    prepareForUpdate(object, old) {
      const next = loose(object);
      const { metadata } = object;
      const { managedFields, resourceVersion } = metadata;
      const hadStatus = Object.hasOwn(next, 'status');
      const wanted = next['status'];
      for (const key of Object.keys(next)) if (key !== 'metadata' && key !== 'apiVersion' && key !== 'kind') delete next[key];
      const { metadata: oldMetadata, status: _status, ...rest } = structuredClone(loose(old)) as JsonMap & { metadata: JsonMap };
      Object.assign(next, rest);
      if (hadStatus) next['status'] = wanted;
      for (const key of Object.keys(metadata)) delete (metadata as unknown as JsonMap)[key];
      Object.assign(metadata, oldMetadata, { resourceVersion });
      if (managedFields === undefined) delete metadata.managedFields; else metadata.managedFields = managedFields;
    },
    validateUpdate(object, old, context) {
      const next = loose(object);
      const errors = typeFaults(one, object);
      if (errors.length === 0) {
        if (Object.hasOwn(next, 'status')) errors.push(...ratcheting(() => changedValueFaults(next['status'], loose(old)['status'], status ?? {}, 'status')));
        errors.push(...scaleStatusFaults(next, version.subresources?.scale));
      }
      return withRules([...errors, ...changedListFaults(object, old, schema)], rules, object, old, context);
    },
  };
}
