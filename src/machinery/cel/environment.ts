/**
 * What an expression may speak of: variables with their types, the functions of all libraries, the fields of objects.
 *
 * The functions are those of Kubernetes 1.36; variables and objects come from the schema that the expression stands in.
 */
import type { DeclaredType } from './declared-type.ts';
import { structsOf } from './declared-type.ts';
import type { Library, Overload } from './declaration.ts';
import { KUBERNETES_LIBRARIES } from './libraries.ts';
import * as types from './type.ts';

export interface Environment {
  readonly variables: ReadonlyMap<string, types.Type>;
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  readonly overloads: ReadonlyMap<string, Overload>;
  /** Object type → fields by the names that expressions use. */
  readonly structs: Lookup<Lookup<types.Type>>;
  /** Names that mean a type. */
  readonly typeNames: Lookup<types.Type>;
  /** Wrapper messages: only a way to write their value. */
  readonly wrappers: ReadonlyMap<string, types.Type>;
  /** How many elements what stands at a path may have; undefined where nothing is known. */
  readonly sizeAt: (path: readonly string[]) => number | undefined;
}

interface Lookup<T> {
  get(name: string): T | undefined;
  has(name: string): boolean;
}

/** Objects whose type is their place in an object without a schema: `Object.spec.template`. */
const isPatchObject = (name: string): boolean => name === 'Object' || name.startsWith('Object.');
const ANY_FIELD: Lookup<types.Type> = { get: () => types.DYN, has: () => true };
const JSON_PATCH_FIELDS = new Map([['op', types.STRING], ['path', types.STRING], ['from', types.STRING], ['value', types.DYN]]);
export const JSON_PATCH = types.struct('JSONPatch');

/** The same environment with the types that patches are made of. */
export function withPatchTypes(environment: Environment): Environment {
  const { structs, typeNames } = environment;
  const known = (name: string): boolean => isPatchObject(name) || name === JSON_PATCH.name;
  const patchFields = (name: string): Lookup<types.Type> | undefined => (isPatchObject(name) ? ANY_FIELD : name === JSON_PATCH.name ? JSON_PATCH_FIELDS : undefined);
  return { ...environment,
    structs: { get: (name) => patchFields(name) ?? structs.get(name), has: (name) => known(name) || structs.has(name) },
    typeNames: { get: (name) => (known(name) ? types.struct(name) : typeNames.get(name)), has: (name) => known(name) || typeNames.has(name) } };
}

export interface VariableDeclaration {
  readonly name: string;
  readonly declared: DeclaredType;
  readonly optional?: boolean;
}

const NAMED_TYPES = [types.BOOL, types.BYTES, types.DOUBLE, types.DURATION, types.INT, types.NULL, types.STRING, types.TIMESTAMP, types.UINT, types.IP, types.CIDR,
  types.listOf(types.DYN), types.mapOf(types.DYN, types.DYN), types.typeOf(types.DYN), types.optionalOf(types.DYN)];

const WRAPPERS = new Map<string, types.Type>([
  ['google.protobuf.BoolValue', types.BOOL], ['google.protobuf.BytesValue', types.BYTES], ['google.protobuf.DoubleValue', types.DOUBLE],
  ['google.protobuf.FloatValue', types.DOUBLE], ['google.protobuf.Int32Value', types.INT], ['google.protobuf.Int64Value', types.INT],
  ['google.protobuf.StringValue', types.STRING], ['google.protobuf.UInt32Value', types.UINT], ['google.protobuf.UInt64Value', types.UINT],
]);

interface Functions { readonly byName: ReadonlyMap<string, readonly Overload[]>; readonly byId: ReadonlyMap<string, Overload> }

function collect(libraries: readonly Library[]): Functions {
  const byName = new Map<string, Overload[]>();
  const byId = new Map<string, Overload>();
  for (const declared of libraries.flat()) {
    byName.set(declared.name, [...(byName.get(declared.name) ?? []), declared]);
    byId.set(declared.id, declared);
  }
  return { byName, byId };
}

let base: Functions | undefined;

/** @param libraries beside those that Kubernetes always has. */
export function buildEnvironment(declarations: readonly VariableDeclaration[], libraries: readonly Library[] = []): Environment {
  base ??= collect(KUBERNETES_LIBRARIES);
  const functions = libraries.length === 0 ? base : collect([...KUBERNETES_LIBRARIES, ...libraries]);
  const structs = new Map<string, ReadonlyMap<string, types.Type>>([types.QUANTITY, types.URL_TYPE, types.SEMVER, types.FORMAT].map((type) => [type.name, new Map()]));
  const variables = new Map<string, types.Type>();
  const roots = new Map<string, DeclaredType>();
  for (const { name, declared, optional } of declarations) {
    variables.set(name, optional ? types.optionalOf(declared.type) : declared.type);
    roots.set(name, declared);
    structsOf(declared, structs);
  }
  const typeNames = new Map<string, types.Type>(NAMED_TYPES.map((type) => [type.name, type]));
  for (const name of structs.keys()) typeNames.set(name, types.struct(name));
  const anyRoot = declarations[0]?.declared;
  return { variables, functions: functions.byName, overloads: functions.byId, structs, typeNames, wrappers: WRAPPERS,
    sizeAt: (path) => sizeAt(roots.get(path[0]!) ?? anyRoot, path) };
}

function sizeAt(root: DeclaredType | undefined, path: readonly string[]): number | undefined {
  let current = root;
  for (const step of path.slice(1)) {
    if (step === '@items' || step === '@values') current = current?.element;
    else if (step === '@keys') current = current?.key;
    else current = current?.fields?.get(step)?.declared ?? (current?.sizedBySelection ? current.element : undefined);
  }
  return current?.elementsMax;
}
