/**
 * A custom resource definition as resources that the handlers serve: one store, and one `ServedResource` for each served version.
 *
 * Objects are stored in the storage version; others differ by their apiVersion and by what their schema knows. What is read from
 * the store gets the form of today's schema, whatever it was written with.
 */
import type { CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionVersion } from '#api/generated/apiextensions/v1';
import { resolveType, type ResourceInfo } from '#api/registry';
import { encodeSorted } from '#machinery/codec/json-encode';
import { semanticEqual } from '#machinery/deep-equal';
import { compareVersions } from '#machinery/gvk';
import { mergeTypeOf, mergeTypeOfStructural, type MergeType } from '#machinery/managed-fields/merge-type';
import type { KubeObject } from '#machinery/meta';
import { applyDefaults } from '#machinery/schema/structural-default';
import { propertyOf, type JsonMap, type Structural } from '#machinery/schema/structural';
import type { StorageEngine } from '#storage/contract';
import { serveResource, type Conversion, type ServedResource } from '../served-resource.ts';
import type { Describer } from '../store/described.ts';
import { storagePrefix } from '../store/prefixes.ts';
import { ResourceStore } from '../store/resource-store.ts';
import type { StorageFeed } from '../store/storage-feed.ts';
import { decodeStored, storedTail } from '../store/stored-object.ts';
import { NO_FIELDS, webhookView } from './conversion/webhook-view.ts';
import { pendingConversions } from './conversion/pending-conversions.ts';
import { webhookConverter, type Converter, type ConverterDependencies } from './conversion/webhook-converter.ts';
import { customDefinition, fieldValues, selectableFieldsOf, type Timed } from './custom-definition.ts';
import { decodeCustomBody, decodeCustomPatched, shapeObject, type CustomForm } from './custom-form.ts';
import { pathNames } from './nested-value.ts';
import type { RuleCompiler } from './rules.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

export interface ServeOptions {
  readonly engine: StorageEngine;
  readonly feed: StorageFeed;
  readonly rules: RuleCompiler;
  readonly ratcheting: Timed;
  readonly converters: ConverterDependencies;
  /** Ends conversions under way. */
  readonly stopping: AbortSignal;
  now(): number;
}

export interface ServedDefinition {
  readonly store: ResourceStore;
  readonly served: readonly ServedResource[];
}

/** @param terminating nothing may be created any more. */
export function serveDefinition(crd: CustomResourceDefinition, names: CustomResourceDefinitionNames, terminating: boolean, options: ServeOptions): ServedDefinition {
  const spec = crd.spec!;
  const storage = spec.versions.find((version) => version.storage) ?? spec.versions[0]!;
  const stored = formOf(crd, names.kind, storage);
  const tail = storedTail(stored.apiVersion, stored.kind);
  const converter = spec.conversion?.strategy === 'Webhook' ? webhookConverter(crd, options.converters) : undefined;
  const { encode, describer } = encodingOf(crd, stored, tail, converter !== undefined);
  const store = new ResourceStore({ engine: options.engine, feed: options.feed, prefix: storagePrefix(spec.group, names.plural, true), tail, encode, describer, now: options.now });
  const versions = spec.versions.filter((version) => version.served);
  const mergeTypes = mergeTypesOf(crd, versions);
  const forms = new Map(versions.map((version) => [`${spec.group}/${version.name}`, formOf(crd, names.kind, version)]));
  const scaleReplicasPaths = Object.fromEntries(versions.map((version) => {
    const path = version.subresources?.scale?.specReplicasPath;
    return [`${spec.group}/${version.name}`, path === undefined ? null : pathNames(path).map((name) => `f:${name}`)];
  }));
  const pending = converter && pendingConversions(converter);
  const served = versions.map((version) => {
    const form = forms.get(`${spec.group}/${version.name}`)!;
    return serveResource({
      info: infoOf(crd, names, version), definition: customDefinition({ crd, version, ...form }, options.rules, options.ratcheting), describer,
      store: converter === undefined ? store : viewedStore({ crd, form, stored, version, converter, store, encode, describer }, options),
      storedApiVersion: stored.apiVersion, storedKind: stored.kind, conversion: converter === undefined ? conversionOf(form, stored, version, storage) : undefined, resolve: resolveType, custom: true,
      mergeType: (apiVersion) => mergeTypes.get(apiVersion), convertTo: (object, apiVersion) => pending?.convert(object, apiVersion) ?? { ...object, apiVersion },
      ...(pending === undefined ? {} : { settled: pending.settle }),
      decodeBody: (body, mediaType, validation) => decodeCustomBody(form, body, mediaType, validation),
      decodePatched: (object) => decodeCustomPatched(form, object), scaleReplicasPaths, terminating,
      ...(version.deprecated === true ? { deprecation: deprecationText(crd, names, version) } : {}),
    });
  });
  return { store, served };
}

function formOf(crd: CustomResourceDefinition, kind: string, version: CustomResourceDefinitionVersion): CustomForm {
  return {
    apiVersion: `${crd.spec!.group}/${version.name}`, kind, schema: version.schema?.openAPIV3Schema as Structural | undefined,
    preserves: crd.spec!.preserveUnknownFields === true,
  };
}

function infoOf(crd: CustomResourceDefinition, names: CustomResourceDefinitionNames, version: CustomResourceDefinitionVersion): ResourceInfo {
  const { group, scope } = crd.spec!;
  const { status, scale } = version.subresources ?? {};
  return {
    group, version: version.name, resource: names.plural, singular: names.singular ?? '', kind: names.kind, type: `${group}/${version.name}.${names.kind}`,
    namespaced: scope === 'Namespaced', verbs: VERBS, shortNames: names.shortNames ?? [], categories: names.categories ?? [],
    subresources: [
      ...(status === undefined ? [] : [{ name: 'status', kind: names.kind, verbs: SUBRESOURCE_VERBS, group: undefined, version: undefined }]),
      ...(scale === undefined ? [] : [{ name: 'scale', kind: 'Scale', verbs: SUBRESOURCE_VERBS, group: 'autoscaling', version: 'v1' }]),
    ],
  };
}

/** Its own buffers are known to be in form; those of others, and of older schemas, are brought into it. */
function encodingOf(crd: CustomResourceDefinition, stored: CustomForm, tail: string, versioned: boolean): { encode(object: KubeObject): Buffer; describer: Describer } {
  const inForm = new WeakSet<Buffer>();
  const paths = new Map(crd.spec!.versions.flatMap((version) => (version.served ? selectableFieldsOf(version) : [])).map((one) => [one.name, one]));
  const encode = encoderOf(tail);
  // A new object is stored without a status; it is read with the one that the schema gives.
  const givesStatus = propertyOf(stored.schema, 'status')?.default !== undefined;
  const write = (object: KubeObject): Buffer => {
    const bytes = encode(object);
    if (!givesStatus || Object.hasOwn(object, 'status')) inForm.add(bytes);
    return bytes;
  };
  const others = versioned ? new Map(crd.spec!.versions.map((version) => [`${crd.spec!.group}/${version.name}`, formOf(crd, stored.kind, version)])) : undefined;
  const canonical = (bytes: Buffer): Buffer => {
    if (inForm.has(bytes)) return bytes;
    const object = decodeStored(bytes, 0, true) as KubeObject & JsonMap;
    const form = others === undefined ? stored : others.get(object.apiVersion ?? '');
    // Of a version that the definition has no more; nobody can convert it.
    if (form === undefined) return bytes;
    object.apiVersion = form.apiVersion;
    object.kind = form.kind;
    shapeObject(object, form);
    applyDefaults(object, form.schema);
    object.metadata.generation ||= 1;
    const formed = form.apiVersion === stored.apiVersion ? write(object) : encoderOf(storedTail(form.apiVersion, form.kind))(object);
    if (!formed.equals(bytes)) return formed;
    inForm.add(bytes);
    return bytes;
  };
  const fields = [...paths.values()];
  return { encode: write, describer: { namespaced: crd.spec!.scope === 'Namespaced', exactNumbers: true, canonical, fields: fields.length === 0 ? () => undefined : (object) => fieldValues(object, fields) } };
}

/** Canonical bytes that end as those of that version do. */
function encoderOf(tail: string): (object: KubeObject) => Buffer {
  return (object) => {
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object as KubeObject & JsonMap;
    const { resourceVersion: _resourceVersion, selfLink: _selfLink, ...meta } = metadata;
    const content = encodeSorted(rest);
    return Buffer.from(`{"metadata":${encodeSorted(meta)}${content === '{}' ? '' : `,${content.slice(1, -1)}`}${tail}`);
  };
}

interface Viewed {
  readonly crd: CustomResourceDefinition;
  readonly form: CustomForm;
  readonly stored: CustomForm;
  readonly version: CustomResourceDefinitionVersion;
  readonly converter: Converter;
  readonly store: ResourceStore;
  readonly encode: (object: KubeObject) => Buffer;
  readonly describer: Describer;
}

/** The store as one version shows it, where a webhook converts. */
function viewedStore({ form, stored, version, converter, store, encode, describer }: Viewed, options: ServeOptions): ResourceStore {
  const tail = storedTail(form.apiVersion, form.kind);
  const paths = selectableFieldsOf(version);
  const fields = paths.length === 0 ? NO_FIELDS : (object: KubeObject) => fieldValues(object, paths);
  const shapeAs = (as: CustomForm) => (object: KubeObject): void => { shapeObject(object as KubeObject & JsonMap, as); };
  const own = encoderOf(tail);
  const view = webhookView({
    converter, apiVersion: form.apiVersion, tail, encode: own, shape: shapeAs(form), fields, signal: options.stopping,
    stored: { apiVersion: stored.apiVersion, encode, shape: shapeAs(stored) },
  });
  return new ResourceStore({ engine: options.engine, feed: options.feed, prefix: store.prefix, tail, encode: own, describer: { ...describer, fields }, now: options.now, view, cache: store.cache });
}

function mergeTypesOf(crd: CustomResourceDefinition, versions: readonly CustomResourceDefinitionVersion[]): Map<string, MergeType> {
  const objectMeta = mergeTypeOf('meta/v1.ObjectMeta', resolveType);
  return new Map(versions.map((version) => [
    `${crd.spec!.group}/${version.name}`,
    mergeTypeOfStructural(version.schema?.openAPIV3Schema as Structural | undefined, objectMeta, crd.spec!.preserveUnknownFields),
  ]));
}

/** Versions of one schema share their bytes. */
function conversionOf(form: CustomForm, stored: CustomForm, version: CustomResourceDefinitionVersion, storage: CustomResourceDefinitionVersion): Conversion | undefined {
  if (version === storage) return undefined;
  if (semanticEqual(version.schema, storage.schema)) return undefined;
  return { toStored: (object) => converted(object, stored), fromStored: (object) => converted(object, form) };
}

function converted(object: KubeObject, form: CustomForm): KubeObject {
  const next = { ...structuredClone(object), apiVersion: form.apiVersion } as KubeObject & JsonMap;
  const { resourceVersion } = next.metadata;
  shapeObject(next, form);
  if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion;
  return next;
}

function deprecationText(crd: CustomResourceDefinition, names: CustomResourceDefinitionNames, version: CustomResourceDefinitionVersion): string {
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const { group, versions } = crd.spec!;
  const better = versions.filter((one) => one.served && one.deprecated !== true).map(({ name }) => name).sort(compareVersions).find((name) => compareVersions(name, version.name) < 0);
  return `${group}/${version.name} ${names.kind} is deprecated${better === undefined ? '' : `; use ${group}/${better} ${names.kind}`}`;
}
