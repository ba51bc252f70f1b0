/**
 * The schema of an API type: what the codecs, patches, defaulting, pruning, server-side apply and OpenAPI all read.
 *
 * One model serves built-in types (parsed from `src/api/schema/*.schema`) and custom resources (built from their
 * structural schema), so that every mechanism is written once.
 */

/** Leaf types. `Time` is RFC 3339 with seconds, `MicroTime` with six decimals; `bytes` is base64 in JSON. */
export type Scalar =
  | 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'double'
  | 'Time' | 'MicroTime' | 'Quantity' | 'IntOrString'
  | 'RawExtension' | 'JSON' | 'FieldsV1'
  | 'JSONSchemaPropsOrArray' | 'JSONSchemaPropsOrBool' | 'JSONSchemaPropsOrStringArray';

export type TypeRef =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  /** A named type: `core/v1.PodSpec`. */
  | { readonly kind: 'ref'; readonly name: string }
  | { readonly kind: 'list'; readonly item: TypeRef }
  | { readonly kind: 'map'; readonly value: TypeRef };

export interface FieldSchema {
  readonly name: string;
  readonly type: TypeRef;
  /** Field numbers from the enclosing message down; more than one number where the message is inlined in JSON. */
  readonly protoPath: readonly number[] | undefined;
  /** Required in OpenAPI. */
  readonly required: boolean;
  /** A pointer upstream: zero is a value of its own and is kept. */
  readonly pointer: boolean;
  /** Serialised even when zero: `{}` for a struct, `null` for a list, map or Time, `""`, `0`, `false`. */
  readonly keep: boolean;
  readonly list: { readonly type: 'atomic' | 'set' | 'map'; readonly keys: readonly string[] } | undefined;
  readonly mapType: 'atomic' | 'granular' | undefined;
  /** Strategic merge: any of `merge`, `replace`, `retainKeys`. */
  readonly patchStrategies: readonly string[];
  readonly patchMergeKey: string | undefined;
  /** The Go type as decode errors name it, where it does not follow from `type`: `v1.Protocol`, `[]types.UID`. */
  readonly goType?: string;
  /** The embedded Go structs the field comes from, dot-separated, which decode errors show in the path: `VolumeSource`. */
  readonly embedded?: string;
  /** The values that the API documents; of the items where the field is a list. */
  readonly enumValues?: readonly string[];
  /** The default that the API documents; where absent, required fields that are no pointers default to zero. */
  readonly documentedDefault?: unknown;
}

export interface UnionSchema {
  readonly discriminator: string | undefined;
  /** Field name → discriminator value. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface TypeSchema {
  /** `core/v1.Pod`. */
  readonly name: string;
  /** A kind carries `apiVersion` and `kind` beside its fields. */
  readonly isKind: boolean;
  /** Server-side apply treats the whole struct as one value. */
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, FieldSchema>;
  readonly unions: readonly UnionSchema[];
}

/** Finds a type by its name (`core/v1.PodSpec`); undefined when there is none. */
export type SchemaResolver = (name: string) => TypeSchema | undefined;
