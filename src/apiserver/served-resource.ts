/**
 * A resource as one version of the API serves it: its definition, its store, and how its bytes become answers.
 *
 * Several versions may share a store; a version whose JSON differs from what is stored brings a conversion, and then objects
 * are parsed and converted instead of spliced.
 */
import type { ResourceInfo } from '#api/registry';
import type { KubeObject } from '#machinery/meta';
import { formatGroupVersion } from '#machinery/gvk';
import type { MergeType } from '#machinery/managed-fields/merge-type';
import type { ReplicasPaths } from '#machinery/managed-fields/scale';
import type { JsonValue } from '#machinery/patch/json-value';
import type { SchemaResolver } from '#machinery/schema/model';
import { serializer } from './codec.ts';
import type { ResourceDefinition } from './resources/definition.ts';
import type { Describer } from './store/described.ts';
import type { ResourceStore, StoredBytes } from './store/resource-store.ts';
import { decodeStored, itemSplice, objectSplice, splicedBytes, type Splice } from './store/stored-object.ts';

/** Between this version and the stored one. Both may change and return what they are given. */
export interface Conversion {
  toStored(object: KubeObject): KubeObject;
  fromStored(object: KubeObject): KubeObject;
}

export interface ServedResource {
  readonly info: ResourceInfo;
  readonly definition: ResourceDefinition;
  readonly store: ResourceStore;
  readonly describer: Describer;
  /** `apps/v1`. */
  readonly apiVersion: string;
  /** Group version and kind as stored. */
  readonly storedApiVersion: string;
  readonly storedKind: string;
  readonly conversion: Conversion | undefined;
  readonly resolve: SchemaResolver;
  /** Custom resources: the type for server-side apply in each served version. */
  readonly mergeType?: (apiVersion: string) => MergeType | undefined;
  /** The object of this version in another served one. */
  readonly convertTo?: (object: KubeObject, apiVersion: string) => KubeObject;
  /** Where conversion must ask elsewhere: runs what uses `convertTo`, again whenever a version has come. */
  readonly settled?: <T>(run: () => T, signal: AbortSignal) => Promise<T>;
  /** Custom resources: a body as an object, pruned, defaulted and checked. @throws StatusError */
  readonly decodeBody?: (body: Buffer, mediaType: string, validation: 'Strict' | 'Warn' | 'Ignore') => { object: KubeObject; warnings: readonly string[] };
  /** Custom resources: a patched value as an object again, pruned and checked. */
  readonly decodePatched?: (object: JsonValue, strict: boolean) => { object: KubeObject; strictErrors: readonly string[] };
  /** Custom resources: where each version keeps the replicas of its scale. */
  readonly scaleReplicasPaths?: ReplicasPaths;
  /** Its definition is being deleted: nothing may be created. */
  readonly terminating?: boolean;
  /** What every use of this version is warned with. */
  readonly deprecation?: string;
  /** A custom resource: no protobuf, no strategic merge, list items carry their kind. */
  readonly custom: boolean;
  readonly objectSplice: Splice;
  readonly itemSplice: Splice;
}

export type ServedResourceOptions = Omit<ServedResource, 'apiVersion' | 'objectSplice' | 'itemSplice'>;

export function serveResource(options: ServedResourceOptions): ServedResource {
  const { info, store } = options;
  const apiVersion = formatGroupVersion(info.group, info.version);
  const object = objectSplice(apiVersion, info.kind, store.tail);
  return { ...options, apiVersion, objectSplice: object, itemSplice: options.custom ? object : itemSplice(store.tail) };
}

/** The object as this version shows it, with kind and apiVersion. */
export function versionedObject<T extends KubeObject = KubeObject>(served: ServedResource, stored: StoredBytes): T {
  const object = decodeStored(stored.bytes, stored.revision, served.custom);
  return asVersion(served, object) as T;
}

/** An object in stored form as this version shows it. Changes the object. */
export function asVersion(served: ServedResource, object: KubeObject): KubeObject {
  const converted = served.conversion === undefined ? object : served.conversion.fromStored(object);
  converted.apiVersion = served.apiVersion;
  converted.kind = served.info.kind;
  return converted;
}

/** JSON of the object as this version shows it. */
export function objectJson(served: ServedResource, stored: StoredBytes): Buffer {
  if (served.conversion === undefined) return splicedBytes(stored.bytes, stored.revision, served.objectSplice);
  return serializer.encode(versionedObject(served, stored) as unknown as Record<string, unknown>, served.resolve(served.info.type), 'application/json');
}

/** Faults of an object name the group that keeps the kind: core for both sorts of events. */
export function errorGroup(served: ServedResource): string {
  const slash = served.storedApiVersion.indexOf('/');
  return slash < 0 ? '' : served.storedApiVersion.slice(0, slash);
}
