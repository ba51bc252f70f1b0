/**
 * Laws of the codecs, over objects made from the schema of every built-in kind: JSON, protobuf and YAML say the same, and what is
 * decoded once is canonical. A failure prints the seed and the path to replay it with.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE } from '#machinery/codec/content-type';
import { Serializer } from '#machinery/codec/serializer';
import { parseGroupVersion } from '#machinery/gvk';
import type { FieldSchema, Scalar, TypeRef, TypeSchema } from '#machinery/schema/model';
import { resolveType, resources, typeForKind } from './registry.ts';

const SEED = 36;
const DEPTH_MAX = 7;
const serializer = new Serializer({ resolveType, typeForKind });

interface Kind { readonly apiVersion: string; readonly kind: string; readonly type: TypeSchema }
const KINDS: readonly Kind[] = [...new Map(resources().map(({ group, version, kind }) => {
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return [`${apiVersion} ${kind}`, { apiVersion, kind, type: typeForKind(apiVersion, kind) }] as const;
})).values()].filter((kind): kind is Kind => kind.type !== undefined);

const text = fc.oneof({ weight: 4, arbitrary: fc.stringMatching(/^[a-z0-9./-]{0,12}$/) }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom('yes', '0644', '1e3', '~', 'null', '', ' x', 'a: b', '- a', '#', '__proto__', 'a\nb\n', '\u2028', '12:30', '2001-01-01', '<<', '"', '\\', '\t') });
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'a.b/c'));
const seconds = fc.integer({ min: -62_000_000_000, max: 253_402_300_799 }).map((at) => `${new Date(at * 1000).toISOString().slice(0, 19)}Z`);
const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.boolean(), fc.integer(), text, fc.array(tie('value'), { maxLength: 2 }), fc.dictionary(key, tie('value'), { maxKeys: 2 })),
}))['value']!;
const SCALARS: Readonly<Partial<Record<Scalar, fc.Arbitrary<unknown>>>> = {
  string: text, bool: fc.boolean(), int32: fc.integer(), int64: fc.oneof(fc.integer(), fc.maxSafeInteger()), double: fc.integer(),
  bytes: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64')), Time: seconds, MicroTime: seconds.map((at) => at.replace('Z', '.123456Z')),
  Quantity: fc.tuple(fc.integer({ min: -10_000, max: 10_000 }), fc.constantFrom('', 'm', 'Mi', 'Gi', 'k', 'e3', 'n')).map(([number, suffix]) => `${number}${suffix}`),
  IntOrString: fc.oneof(fc.integer(), text), RawExtension: fc.dictionary(key, json, { maxKeys: 2 }), JSON: json,
  FieldsV1: fc.constantFrom({ 'f:a': {} }, { 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } } }),
  JSONSchemaPropsOrArray: fc.constant({ type: 'string' }), JSONSchemaPropsOrBool: fc.boolean(), JSONSchemaPropsOrStringArray: fc.array(text, { minLength: 1, maxLength: 2 }),
};

function valueOf(type: TypeRef, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'scalar': return SCALARS[type.scalar]!;
    case 'list': return fc.array(valueOf(type.item, depth + 1), { maxLength: 2 });
    case 'map': return fc.dictionary(key, valueOf(type.value, depth + 1), { maxKeys: 2, noNullPrototype: true });
    case 'ref': return structOf(resolveType(type.name)!, depth + 1);
  }
}

const made = new Map<string, fc.Arbitrary<unknown>>();

function structOf(type: TypeSchema, depth: number): fc.Arbitrary<unknown> {
  const id = `${type.name} ${depth}`;
  let known = made.get(id);
  if (known === undefined) {
    // Recursive types refer to the same one of their depth.
    const fieldsHere = [...type.fields.values()].filter((field) => depth < DEPTH_MAX || field.type.kind === 'scalar');
    known = fc.constant(null).chain(() => fc.subarray(fieldsHere, { maxLength: Math.min(fieldsHere.length, 5) })
      .chain((fields: FieldSchema[]) => fc.record(Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type, depth)])), { noNullPrototype: true })));
    made.set(id, known);
  }
  return known;
}

const anObject = fc.constantFrom(...KINDS).chain((kind) => structOf(kind.type, 0).map((value): Record<string, unknown> => ({ ...(value as object), apiVersion: kind.apiVersion, kind: kind.kind })));

function holds(check: (body: Record<string, unknown>, kind: Kind) => void, numRuns = 800): void {
  const kindOf = (body: Record<string, unknown>): Kind => KINDS.find(({ apiVersion, kind }) => apiVersion === body['apiVersion'] && kind === body['kind'])!;
  fc.assert(fc.property(anObject, (body) => check(body, kindOf(body))), { seed: SEED, numRuns, includeErrorInReport: true });
}

const decode = (bytes: Buffer, mediaType: string, { apiVersion, kind }: Kind): Record<string, unknown> => serializer.decode(bytes, mediaType, { ...parseGroupVersion(apiVersion)!, kind }, { fieldValidation: 'Strict' }).object;

test('every kind that is served has a schema to make objects from', () => assert.ok(KINDS.length > 60, String(KINDS.length)));

test('what is decoded is canonical: written and read again it is the same, byte for byte', () => {
  holds((body, kind) => {
    const object = decode(Buffer.from(JSON.stringify(body)), JSON_TYPE, kind);
    const bytes = serializer.encodeStored(object, kind.type);
    const again = decode(bytes, JSON_TYPE, kind);
    assert.deepEqual(withoutEmpty(again), withoutEmpty(object));
    assert.ok(serializer.encodeStored(again, kind.type).equals(bytes));
  });
});

test('YAML says the same as JSON', () => {
  holds((body, kind) => {
    const object = decode(Buffer.from(JSON.stringify(body)), JSON_TYPE, kind);
    assert.deepEqual(decode(serializer.encode(object, kind.type, YAML_TYPE), YAML_TYPE, kind), decode(serializer.encodeStored(object, kind.type), JSON_TYPE, kind));
  }, 400);
});

test('protobuf says the same as JSON, and writes the same bytes again', () => {
  holds((body, kind) => {
    if ([...kind.type.fields.values()].some((field) => field.protoPath === undefined)) return;
    const object = decode(Buffer.from(JSON.stringify(body)), JSON_TYPE, kind);
    const bytes = serializer.encode(object, kind.type, PROTOBUF_TYPE);
    const again = decode(bytes, PROTOBUF_TYPE, kind);
    assert.deepEqual(withoutEmpty(again), withoutEmpty(object));
    assert.ok(serializer.encode(again, kind.type, PROTOBUF_TYPE).equals(bytes));
  });
});

/** Empty lists and maps are kept by decoding, for whoever asks what was sent; they are nothing once stored, and in protobuf. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const kept = withoutEmpty(inner);
    if (typeof kept !== 'object' || kept === null || Object.keys(kept).length > 0) Object.defineProperty(out, name, { value: kept, enumerable: true });
  }
  return out;
}
