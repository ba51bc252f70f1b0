/**
 * Types made ready for the codecs: fields by name with all that decoding and encoding ask of them, references followed once.
 *
 * A plan is built on first use of a type and kept as long as its schema.
 */
import type { FieldSchema, Scalar, SchemaResolver, TypeRef, TypeSchema } from '../schema/model.ts';

type ValueCode = Scalar | 'struct' | 'list' | 'map' | 'unknown';

export interface ValuePlan {
  readonly code: ValueCode;
  /** As decode errors name it. */
  readonly goType: string;
  /** Of lists and maps. */
  readonly item: ValuePlan | undefined;
  /** Of structs. */
  struct(): TypePlan;
}

export interface FieldPlan {
  readonly name: string;
  /** Position in the type, for telling duplicates. */
  readonly index: number;
  readonly value: ValuePlan;
  readonly pointer: boolean;
  readonly keep: boolean;
  /** Zero values are left out of JSON. */
  readonly dropsZero: boolean;
  /** Zero values are left out of decoded objects; printed again where JSON has them. */
  readonly absentWhenZero: boolean;
  /** A list whose empty form is not told from its absence: both are printed as null. */
  readonly emptyIsNull: boolean;
  /** `"name":`, as it is written. */
  readonly jsonKey: string;
  /** Go's name of the enclosing type. */
  readonly owner: string;
  /** The path element that decode errors show: `VolumeSource.secret`. */
  readonly goName: string;
  readonly schema: FieldSchema;
}

export interface TypePlan {
  readonly name: string;
  /** Go's name: `PodSpec`. */
  readonly goName: string;
  readonly isKind: boolean;
  readonly fields: ReadonlyMap<string, FieldPlan>;
  /** In the order of output; without kind and apiVersion. */
  readonly ordered: readonly FieldPlan[];
  /** Present in every decoded object: structs that are no pointers, required texts and numbers. */
  readonly filled: readonly FieldPlan[];
}

/**
 * Plans of one universe of types.
 *
 * Upstream stores most types in protobuf, which knows no empty lists: what was sent as `[]` comes back as null. Types for which
 * `keepsEmptyLists` holds are stored as JSON there.
 */
export class TypePlans {
  readonly #resolve: SchemaResolver;
  readonly #keepsEmptyLists: (typeName: string) => boolean;
  readonly #plans = new WeakMap<TypeSchema, TypePlan>();

  constructor(resolve: SchemaResolver, keepsEmptyLists: (typeName: string) => boolean = () => true) {
    this.#resolve = resolve;
    this.#keepsEmptyLists = keepsEmptyLists;
  }

  of(type: TypeSchema): TypePlan {
    let plan = this.#plans.get(type);
    if (plan === undefined) {
      plan = this.#build(type);
      this.#plans.set(type, plan);
    }
    return plan;
  }

  #build(type: TypeSchema): TypePlan {
    const goName = type.name.slice(type.name.indexOf('.') + 1);
    const fields = new Map<string, FieldPlan>();
    const ordered: FieldPlan[] = [];
    const typeMeta = type.isKind || type.fields.has('items') ? ['kind', 'apiVersion'] : [];
    for (const name of typeMeta) {
      if (!type.fields.has(name)) fields.set(name, this.#field(typeMetaField(name), fields.size, goName, false));
    }
    for (const schema of type.fields.values()) {
      const field = this.#field(schema, fields.size, goName, schema.keep && schema.type.kind === 'list' && schema.name !== 'items' && !this.#keepsEmptyLists(type.name));
      fields.set(field.name, field);
      ordered.push(field);
    }
    const filled = ordered.filter((field) => field.keep && !field.pointer
      && (field.value.code === 'struct' || field.value.code === 'Quantity' || (field.schema.required && hasZeroScalar(field.value))));
    return { name: type.name, goName, isKind: type.isKind || typeMeta.length > 0, fields, ordered, filled };
  }

  #field(schema: FieldSchema, index: number, owner: string, emptyIsNull: boolean): FieldPlan {
    const value = this.value(schema.type, schema.goType);
    return {
      name: schema.name, index, value, pointer: schema.pointer, keep: schema.keep, dropsZero: !schema.pointer && !schema.keep,
      absentWhenZero: !schema.pointer && (!schema.keep || emptyIsNull || (!schema.required && value.code !== 'Quantity' && hasZeroScalar(value))), emptyIsNull,
      jsonKey: `${JSON.stringify(schema.name)}:`, owner, schema,
      goName: schema.embedded === undefined ? schema.name : `${schema.embedded}.${schema.name}`,
    };
  }

  value(ref: TypeRef, goType = goTypeOf(ref)): ValuePlan {
    if (ref.kind === 'list') return { code: 'list', goType, item: this.value(ref.item, goItemType(goType, ref.item)), struct: noStruct };
    if (ref.kind === 'map') return { code: 'map', goType, item: this.value(ref.value, goItemType(goType, ref.value)), struct: noStruct };
    if (ref.kind === 'scalar') return { code: ref.scalar, goType, item: undefined, struct: isSchemaUnion(ref.scalar) ? this.#lazyPlan(JSON_SCHEMA_TYPE) : noStruct };
    return { code: 'struct', goType, item: undefined, struct: this.#lazyPlan(ref.name) };
  }

  #lazyPlan(name: string): () => TypePlan {
    let plan: TypePlan | undefined;
    return () => {
      if (plan === undefined) {
        const type = this.#resolve(name);
        if (type === undefined) throw new Error(`the schema has no type ${name}`);
        plan = this.of(type);
      }
      return plan;
    };
  }
}

const JSON_SCHEMA_TYPE = 'apiextensions/v1.JSONSchemaProps';

/** Types whose absence and zero value are told apart nowhere. */
function hasZeroScalar(plan: ValuePlan): boolean {
  return ['string', 'bool', 'int32', 'int64', 'double', 'Quantity', 'IntOrString'].includes(plan.code);
}

function isSchemaUnion(scalar: Scalar): boolean {
  return scalar === 'JSONSchemaPropsOrArray' || scalar === 'JSONSchemaPropsOrBool' || scalar === 'JSONSchemaPropsOrStringArray';
}

function noStruct(): never {
  throw new Error('not a struct');
}

function typeMetaField(name: string): FieldSchema {
  return {
    name, type: { kind: 'scalar', scalar: 'string' }, protoPath: undefined, required: false, pointer: false, keep: false,
    list: undefined, mapType: undefined, patchStrategies: [], patchMergeKey: undefined,
  };
}

const GO_SCALARS: Readonly<Record<Scalar, string>> = {
  string: 'string', bytes: '[]uint8', bool: 'bool', int32: 'int32', int64: 'int64', double: 'float64', Time: 'v1.Time', MicroTime: 'v1.MicroTime',
  Quantity: 'resource.Quantity', IntOrString: 'intstr.IntOrString', RawExtension: 'runtime.RawExtension', JSON: 'v1.JSON', FieldsV1: 'v1.FieldsV1',
  JSONSchemaPropsOrArray: 'v1.JSONSchemaPropsOrArray', JSONSchemaPropsOrBool: 'v1.JSONSchemaPropsOrBool',
  JSONSchemaPropsOrStringArray: 'v1.JSONSchemaPropsOrStringArray',
};

function goTypeOf(ref: TypeRef): string {
  switch (ref.kind) {
    case 'scalar': return GO_SCALARS[ref.scalar];
    case 'list': return `[]${goTypeOf(ref.item)}`;
    case 'map': return `map[string]${goTypeOf(ref.value)}`;
    case 'ref': return ref.name.slice(ref.name.indexOf('/') + 1);
  }
}

/** Of a list or map's Go type; a named one does not tell, so that its items go by their own. */
function goItemType(goType: string, item: TypeRef): string {
  const match = /^(?:\[\]|map\[[^\]]*\])(.+)$/.exec(goType);
  return match?.[1] ?? goTypeOf(item);
}
