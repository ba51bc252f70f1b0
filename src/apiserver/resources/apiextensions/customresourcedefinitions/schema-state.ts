/** What a schema inherits from where it stands, and which rules hold. */
import type { CustomResourceDefinitionSpec } from '#api/generated/apiextensions/v1';

export interface SchemaState {
  readonly isRoot: boolean;
  /** Why a default may not be set here; undefined when it may. */
  readonly noDefaults: string | undefined;
  readonly insideMetadata: boolean;
}

/** Younger rules that a stored definition need not keep. */
export interface SchemaRules {
  readonly structural: boolean;
  readonly knownTypes: boolean;
  readonly atomicSets: boolean;
  readonly mapKeys: boolean;
  readonly prunedDefaults: boolean;
  /** The stored spec. */
  readonly oldSpec: CustomResourceDefinitionSpec | undefined;
}
