/** A custom resource definition as resources that the handlers serve: one store, and one `ServedResource` for each served version. */
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '#api/generated/apiextensions/v1';
import { resolveType, type ResourceInfo, type SubresourceInfo } from '#api/registry';
import { encodeAny } from '#machinery/codec/json-encode';
import { semanticEqual } from '#machinery/deep-equal';
import { compareVersions } from '#machinery/gvk';
import { mergeTypeOf, mergeTypeOfStructural, type MergeType } from '#machinery/managed-fields/merge-type';
import type { KubeObject } from '#machinery/meta';
import { applyDefaults } from '#machinery/schema/structural-default';
import type { JsonMap, Structural } from '#machinery/schema/structural';
import type { StorageEngine } from '#storage/contract';
import { serveResource, type ServedResource } from '../served-resource.ts';
import type { Describer } from '../store/described.ts';
import { storagePrefix } from '../store/prefixes.ts';
import { ResourceStore } from '../store/resource-store.ts';
import type { StorageFeed } from '../store/storage-feed.ts';
import { storedTail } from '../store/stored-object.ts';
import { customDefinition, fieldValues, selectableFieldsOf } from './custom-definition.ts';
import { decodeCustomBody, decodeCustomPatched, shapeObject, type CustomForm } from './custom-form.ts';
import { pathNames } from './nested-value.ts';
import type { RuleCompiler } from './rules.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const PART_VERBS = ['get', 'patch', 'update'];

type Loose = KubeObject & Record<string, unknown>;

export interface CustomResourcesOptions {
  readonly engine: StorageEngine;
  readonly feed: StorageFeed;
  now(): number;
  readonly rules: RuleCompiler;
}

export interface CustomResources {
  readonly store: ResourceStore;
  readonly served: readonly ServedResource[];
}

/** @param terminating nothing may be created any more. */
export function serveDefinition(definition: CustomResourceDefinition, options: CustomResourcesOptions, terminating = false): CustomResources {
  const { spec } = definition;
  const { group } = spec;
  const names = { ...spec.names, ...definition.status?.acceptedNames };
  const { kind, plural } = names;
  const namespaced = spec.scope === 'Namespaced';
  const schemaOf = (version: CustomResourceDefinitionVersion): Structural | undefined => version.schema?.openAPIV3Schema as Structural | undefined;
  const formOf = (version: CustomResourceDefinitionVersion): CustomForm => ({
    apiVersion: `${group}/${version.name}`, kind, schema: schemaOf(version), preserves: spec.preserveUnknownFields === true,
  });
  const storage = spec.versions.find((version) => version.storage) ?? spec.versions[0]!;
  const storedForm = formOf(storage);
  const { apiVersion } = storedForm;
  const tail = storedTail(apiVersion, kind);
  const selectable = spec.versions.filter((version) => version.served).flatMap(selectableFieldsOf);
  const encoded = new WeakSet<Buffer>();
  const encode = (object: KubeObject): Buffer => {
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object as Loose;
    const { resourceVersion: _resourceVersion, selfLink: _selfLink, ...meta } = metadata;
    const bytes = Buffer.from(`${encodeAny({ metadata: meta, ...rest }).slice(0, -1)}${tail}`);
    encoded.add(bytes);
    return bytes;
  };
  const describer: Describer = {
    namespaced, fields: selectable.length === 0 ? () => undefined : (object) => fieldValues(object, selectable),
    canonical(bytes) {
      if (encoded.has(bytes)) return bytes;
      const object = JSON.parse(bytes.toString('utf8')) as Loose;
      reshape(object, storedForm);
      const shaped = encode(object);
      if (!shaped.equals(bytes)) return shaped;
      encoded.add(bytes);
      return bytes;
    },
  };
  const store = new ResourceStore({ engine: options.engine, feed: options.feed, prefix: storagePrefix(group, plural, true), tail, encode, describer, now: options.now });
  const mergeTypes = new Map<string, MergeType>();
  for (const version of spec.versions) {
    if (version.served) mergeTypes.set(`${group}/${version.name}`, mergeTypeOfStructural(schemaOf(version), mergeTypeOf('meta/v1.ObjectMeta', resolveType), spec.preserveUnknownFields));
  }
  const replicasPaths = Object.fromEntries(spec.versions.map((version) => {
    const path = version.subresources?.scale?.specReplicasPath;
    return [`${group}/${version.name}`, path === undefined ? null : pathNames(path).map((step) => `f:${step}`)];
  }));
  const served = spec.versions.filter((version) => version.served).map((version) => {
    const form = formOf(version);
    const info = infoOf(definition, version, names);
    const isStored = version === storage || semanticEqual(version.schema, storage.schema);
    return serveResource({
      info, definition: customDefinition({ crd: definition, version, apiVersion: form.apiVersion, kind, schema: form.schema }, options.rules),
      store, describer, storedApiVersion: apiVersion, storedKind: kind, resolve: resolveType, custom: true,
      conversion: isStored ? undefined : {
        toStored: (object) => ({ ...object, apiVersion, kind }),
        fromStored(object) {
          reshape(object as Loose, form);
          return object;
        },
      },
      mergeType: (wanted) => mergeTypes.get(wanted), scaleReplicasPaths: replicasPaths, terminating,
      decodeBody: (body, mediaType, validation) => decodeCustomBody(form, body, mediaType, validation), decodePatched: (value) => decodeCustomPatched(form, value),
      ...(version.deprecated === true ? { deprecation: deprecationOf(definition, version) } : {}),
    });
  });
  return { store, served };
}

/** What another version, or an older schema, has stored, in this version's form. */
function reshape(object: Loose, form: CustomForm): void {
  object.apiVersion = form.apiVersion;
  object.kind = form.kind;
  shapeObject(object as JsonMap, form);
  applyDefaults(object, form.schema);
}

function infoOf(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion, names: CustomResourceDefinition['spec']['names']): ResourceInfo {
  const { group, scope } = definition.spec;
  const { status, scale } = version.subresources ?? {};
  const subresources: SubresourceInfo[] = [
    ...(status === undefined ? [] : [{ name: 'status', kind: names.kind, group: undefined, version: undefined, verbs: PART_VERBS }]),
    ...(scale === undefined ? [] : [{ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: PART_VERBS }]),
  ];
  return {
    group, version: version.name, resource: names.plural, singular: names.singular ?? '', kind: names.kind, type: `${group}/${version.name}.${names.kind}`,
    namespaced: scope === 'Namespaced', verbs: VERBS, shortNames: names.shortNames ?? [], categories: names.categories ?? [], subresources,
  };
}

function deprecationOf(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion): string {
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const { group, names, versions } = definition.spec;
  const [better] = versions.filter((one) => one.served && one.deprecated !== true && compareVersions(one.name, version.name) < 0).map(({ name }) => name).sort(compareVersions);
  return `${group}/${version.name} ${names.kind} is deprecated${better === undefined ? '' : `; use ${group}/${better} ${names.kind}`}`;
}
