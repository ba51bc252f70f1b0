/** What is served of custom resources, by group version, for the OpenAPI documents: described anew only where something has changed. */
import type { CustomResourceDefinition } from '#api/generated/apiextensions/v1';
import type { Structural } from '#machinery/schema/structural';
import type { CustomDefinitions } from '../openapi/published.ts';
import { customDefinitions, type PublishedKind } from './openapi-definitions.ts';

interface VersionKinds { readonly kinds: Map<string, PublishedKind>; described: CustomDefinitions | undefined }

export class PublishedKinds {
  /** By `group/version`, then by definition. */
  readonly #versions = new Map<string, VersionKinds>();
  readonly #keysOf = new Map<string, readonly string[]>();

  /** @param state changes whenever the definition does */
  set({ metadata, spec, status }: CustomResourceDefinition, state: string): void {
    const name = metadata.name!;
    this.remove(name);
    const names = status!.acceptedNames!;
    const served = spec.versions.filter((version) => version.served);
    this.#keysOf.set(name, served.map((version) => `${spec.group}/${version.name}`));
    for (const version of served) {
      const key = `${spec.group}/${version.name}`;
      const found = this.#versions.get(key) ?? { kinds: new Map(), described: undefined };
      found.kinds.set(name, {
        state, kind: names.kind, listKind: names.listKind ?? `${names.kind}List`, resource: names.plural,
        schema: version.schema?.openAPIV3Schema as Structural | undefined, selectableFields: version.selectableFields ?? [],
      });
      found.described = undefined;
      this.#versions.set(key, found);
    }
  }

  remove(name: string): void {
    for (const key of this.#keysOf.get(name) ?? []) {
      const found = this.#versions.get(key)!;
      found.kinds.delete(name);
      found.described = undefined;
      if (found.kinds.size === 0) this.#versions.delete(key);
    }
    this.#keysOf.delete(name);
  }

  /** undefined where nothing of it is served here. */
  of(group: string, version: string): CustomDefinitions | undefined {
    const found = this.#versions.get(`${group}/${version}`);
    if (found === undefined) return undefined;
    found.described ??= customDefinitions(group, version, [...found.kinds.values()]);
    return found.described;
  }
}
