/** What there is to document: group versions with their resources, and how custom resources describe their kinds. */
import type { ResourceInfo } from '#api/registry';
import type { JsonObject, OpenApiVersion } from './definitions.ts';
import type { Descriptions } from './descriptions.ts';

/** A group version to document. Never changes: what is made of it is kept with it, and what is made of each of its resources with that. */
export interface PublishedVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ResourceInfo[];
  /** Of custom resources; absent for built-in ones. */
  readonly custom?: CustomDefinitions;
}

export interface CustomDefinitions {
  /** Changes with every change of the definitions. */
  readonly revision: string;
  /** Definitions of a resource's kind and of its list, such as `com.example.v1.Thing`. */
  namesOf(info: ResourceInfo): { readonly object: string; readonly list: string };
  /** Of one resource: name → definition, references with the prefix of the document's version. */
  definitions(info: ResourceInfo, version: OpenApiVersion, descriptions: Descriptions): ReadonlyMap<string, JsonObject>;
}
