import assert from 'node:assert/strict';
import { test } from 'node:test';
import { semanticEqual } from '../deep-equal.ts';
import type { SchemaResolver } from '../schema/model.ts';
import { parseSchema } from '../schema/parse.ts';
import { StatusError } from '../status-error.ts';
import { canonicalBase64 } from './base64.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { negotiateAccept, negotiateInput, parseMediaType } from './content-type.ts';
import { Serializer } from './serializer.ts';
import type { Decoded, FieldValidation } from './serializer.ts';
import { encodeYaml, parseYaml } from './yaml.ts';

const TYPES = parseSchema('x/v1', `
kind Thing
  1 metadata Meta keep
  2 spec ThingSpec keep
  3 data map[string]
  4 raw *RawExtension

type Meta
  1 name string

type ThingSpec
  1 replicas *int32
  2 count int32
  3 big int64
  4 ports []Port
  5 size *Quantity
  6 at *Time
  7 blob bytes
  8 where IntOrString keep
  9 mode! string keep go=Mode
  10 rules! []string keep
  11.1 inner string in=Embedded
  12 step *Step

type Step
  1 of! string
  2 divisor Quantity keep

type Port
  1 number! int32 keep
  2 name string
`);
const resolveType: SchemaResolver = (name) => TYPES.get(name);
const serializer = new Serializer({ resolveType, typeForKind: (apiVersion, kind) => (apiVersion === 'x/v1' ? TYPES.get(`x/v1.${kind}`) : undefined) });
const EXPECTED = { group: 'x', version: 'v1', kind: 'Thing' };
const THING = TYPES.get('x/v1.Thing')!;

function decode(body: string | Buffer, fieldValidation: FieldValidation = 'Warn', mediaType = 'application/json'): Decoded {
  return serializer.decode(Buffer.isBuffer(body) ? body : Buffer.from(body), mediaType, EXPECTED, { fieldValidation });
}

function stored(body: string): string {
  return serializer.encodeStored(decode(body).object, THING).toString();
}

const CANONICAL: readonly [name: string, body: string, json: string][] = [
  ['absent values', '{}', '"metadata":{},"spec":{"where":0,"mode":"","rules":null}'],
  ['null body', 'null', '"metadata":{},"spec":{"where":0,"mode":"","rules":null}'],
  ['zero values', '{"spec":{"replicas":0,"count":0,"big":0,"ports":[],"rules":[]},"data":{}}', '"metadata":{},"spec":{"replicas":0,"where":0,"mode":"","rules":[]}'],
  ['null values', '{"spec":{"replicas":null,"ports":[null],"mode":null},"data":{"a":null}}', '"metadata":{},"spec":{"ports":[{"number":0}],"where":0,"mode":"","rules":null},"data":{"a":""}'],
  ['custom types', '{"spec":{"size":"1024Mi","at":"2024-01-01T01:00:00+01:00","blob":"YQ==\\n","where":"50%"}}', '"metadata":{},"spec":{"size":"1Gi","at":"2024-01-01T00:00:00Z","blob":"YQ==","where":"50%","mode":"","rules":null}'],
  ['int64 beyond 2^53 (B21)', '{"spec":{"big":9007199254740993},"raw":{"n":9223372036854775807}}', '"metadata":{},"spec":{"big":9007199254740993,"where":0,"mode":"","rules":null},"raw":{"n":9223372036854775807}'],
  ['keys of any name, sorted (B20)', '{"data":{"b":"1","__proto__":"x","constructor":"y","10":"z","9":"w"}}', '"metadata":{},"spec":{"where":0,"mode":"","rules":null},"data":{"10":"z","9":"w","__proto__":"x","b":"1","constructor":"y"}'],
  ['duplicate fields merge', '{"metadata":{"name":"a"},"metadata":{},"spec":{"mode":"x"},"spec":{"count":2}}', '"metadata":{"name":"a"},"spec":{"count":2,"where":0,"mode":"x","rules":null}'],
];
for (const [name, body, json] of CANONICAL) {
  test(`canonical form of ${name}`, () => {
    const text = stored(body);
    assert.equal(text, `{"kind":"Thing","apiVersion":"x/v1",${json}}`);
    assert.ok(semanticEqual(serializer.decodeStored(Buffer.from(text), THING), decode(body).object));
  });
}

const UNREAD = 'the object provided is unrecognized (must be of type Thing): ';
const JSON_FAULT = `${UNREAD}couldn't get version/kind; json parse error: `;
const UNFIT = 'Thing in version "v1" cannot be handled as a Thing: ';
const FAULTS: readonly [name: string, body: string | Buffer, message: string][] = [
  ['empty body (B16)', '', `${JSON_FAULT}unexpected end of JSON input (<empty>)`],
  ['truncated (B16)', '{"a":', `${JSON_FAULT}unexpected end of JSON input ({"a":)`],
  ['trailing garbage (B16)', '{} x', `${JSON_FAULT}invalid character 'x' after top-level value ({} x)`],
  ['byte order mark (B16)', '\ufeff{}', `${JSON_FAULT}invalid character 'ï' looking for beginning of value (efbbbf7b7d)`],
  ['two documents (B16)', '{}{}', `${JSON_FAULT}invalid character '{' after top-level value ({}{})`],
  ['lone surrogate (B17)', '{"data":{"a":"\\ud800x"}}', `${JSON_FAULT}invalid lone surrogate in \\u hexadecimal character escape ({"data":{"a":"\\ud800x"}})`],
  ['invalid UTF-8 (B17)', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), `${JSON_FAULT}invalid UTF-8 in the body ({"\ufffd":1})`],
  ['leading zero', '{"spec":{"count":01}}', `${JSON_FAULT}invalid character '1' after object key:value pair ({"spec":{"count":01}})`],
  ['NaN (B21)', '{"spec":{"count":NaN}}', `${JSON_FAULT}invalid character 'N' looking for beginning of value ({"spec":{"count":NaN}})`],
  ['trailing comma', '{"a":1,}', `${JSON_FAULT}invalid character '}' looking for beginning of object key string ({"a":1,})`],
  ['float for int (B21)', '{"spec":{"count":1.5}}', `${UNFIT}json: cannot unmarshal number 1.5 into Go struct field ThingSpec.spec.count of type int32`],
  ['2^31 (B21)', '{"spec":{"count":2147483648}}', `${UNFIT}json: cannot unmarshal number 2147483648 into Go struct field ThingSpec.spec.count of type int32`],
  ['2^63 (B21)', '{"spec":{"big":9223372036854775808}}', `${UNFIT}json: cannot unmarshal number 9223372036854775808 into Go struct field ThingSpec.spec.big of type int64`],
  ['string for int (B21)', '{"spec":{"count":"1"}}', `${UNFIT}json: cannot unmarshal string into Go struct field ThingSpec.spec.count of type int32`],
  ['object for list (B22)', '{"spec":{"ports":{}}}', `${UNFIT}json: cannot unmarshal object into Go struct field ThingSpec.spec.ports of type []v1.Port`],
  ['text for item (B22)', '{"spec":{"ports":["x"]}}', `${UNFIT}json: cannot unmarshal string into Go struct field ThingSpec.spec.ports of type v1.Port`],
  ['named Go type', '{"spec":{"mode":1}}', `${UNFIT}json: cannot unmarshal number into Go struct field ThingSpec.spec.mode of type v1.Mode`],
  ['embedded Go struct', '{"spec":{"inner":1}}', `${UNFIT}json: cannot unmarshal number into Go struct field ThingSpec.spec.Embedded.inner of type string`],
  ['quantity goes before an earlier type fault (B28)', '{"spec":{"count":"1","size":"1K"}}', `${UNFIT}unable to parse quantity's suffix`],
  ['time of a wrong type', '{"spec":{"at":5}}', `${UNFIT}json: cannot unmarshal number into Go struct field ThingSpec.spec.at of type string`],
  ['base64 (B29)', '{"spec":{"blob":"_-"}}', `${UNFIT}illegal base64 data at input byte 0`],
  ['other kind', '{"kind":"Other","apiVersion":"x/v1"}', 'Other in version "v1" cannot be handled as a Thing: no kind "Other" is registered for version "x/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"'],
  ['kind of a wrong type', '{"kind":5}', `${JSON_FAULT}json: cannot unmarshal number into Go struct field .kind of type string ({"kind":5})`],
];
for (const [name, body, message] of FAULTS) {
  test(`refused: ${name}`, () => assert.throws(() => decode(body), (error) => error instanceof StatusError && error.code === 400 && (assert.equal(error.message, message), true)));
}

test('nesting beyond the limit is refused, within it accepted (B18)', () => {
  for (const depth of [10_000, 1_500_000]) {
    for (const [open, close] of [['[', ']'], ['{"a":', '}']] as const) {
      assert.throws(() => decode(`{"raw":${open.repeat(depth)}1${close.repeat(depth)}}`), /exceeded max depth/);
    }
  }
  const deep = `{"raw":${'[{"a":'.repeat(400)}1${'}]'.repeat(400)}}`;
  assert.ok(stored(deep).includes('[{"a":1}]'));
  assert.deepEqual(decode(`{"odd":${'['.repeat(9000)}${']'.repeat(9000)}}`).warnings, ['unknown field "odd"']);
});

test('empty lists are null where upstream stores protobuf', () => {
  const strict = new Serializer({ resolveType, typeForKind: (_, kind) => TYPES.get(`x/v1.${kind}`), keepsEmptyLists: () => false });
  const { object } = strict.decode(Buffer.from('{"spec":{"rules":[]}}'), 'application/json', EXPECTED);
  assert.ok(semanticEqual(object['spec'], { mode: '' }));
  assert.ok(strict.encodeStored({ ...object, spec: { rules: [] } }, THING).toString().includes('"rules":null'));
});

test('empty lists stay when decoded and go when encoded', () => {
  const { object } = decode('{"spec":{"ports":[]}}');
  assert.deepEqual((object['spec'] as { ports?: unknown }).ports, []);
  assert.ok(!serializer.encodeStored(object, THING).toString().includes('ports'));
});

test('unknown and duplicate fields: Strict, Warn, Ignore (B19)', () => {
  const body = '{"odd":1,"spec":{"ports":[{"number":1,"nope":{"x":1}}],"__proto__":{"a":1},"mode":"a","mode":"b"},"data":{"k":"1","k":"2"}}';
  const texts = ['unknown field "odd"', 'unknown field "spec.ports[0].nope"', 'unknown field "spec.__proto__"', 'duplicate field "spec.mode"', 'duplicate field "data.k"'];
  assert.deepEqual(decode(body, 'Warn').warnings, texts);
  assert.deepEqual(decode(body, 'Ignore').warnings, []);
  assert.throws(() => decode(body, 'Strict'), { message: `${UNFIT}strict decoding error: ${texts.join(', ')}` });
  assert.equal(({} as Record<string, unknown>)['a'], undefined);
});

test('YAML is read as Kubernetes reads it (B25)', () => {
  assert.deepEqual(parseYaml('a: yes\nb: 0644\nc: 1_000\nd: 12:30\ne: 8e1\nf: 08\ng: ~\nh: "yes"\nn: 1\ni: 0x1F\nj: 2020-01-01\n---\nb: 2\n').value,
    { a: true, b: 420, c: 1000, d: '12:30', e: '8e1', f: 8, g: null, h: 'yes', false: 1, i: 31, j: '2020-01-01' });
  assert.deepEqual(decode('spec: {mode: x}\nspec: {count: 010}\n', 'Warn', 'application/yaml').warnings, ['line 2: key "spec" already set in map']);
});

test('hostile YAML (B24)', () => {
  let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x]\n';
  for (let level = 1; level < 10; level++) bomb += `a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(',')}]\n`;
  assert.throws(() => parseYaml(bomb), { message: 'yaml: document contains excessive aliasing' });
  assert.throws(() => parseYaml('a: &a [*a]'), { message: "yaml: anchor 'a' value contains itself" });
  assert.throws(() => parseYaml('\ta: 1'), { message: 'yaml: found character that cannot start any token' });
  assert.throws(() => parseYaml('['.repeat(5000)), { message: 'yaml: exceeded max depth' });
  const merged = parseYaml('x: &x {__proto__: {bad: 1}}\ny: {"<<": 1, c: !!js/function "x"}\nz:\n  <<: *x\n').value as Record<string, Record<string, unknown>>;
  assert.equal(Object.getPrototypeOf(merged['z']), Object.prototype);
});

test('YAML output is read back the same', () => {
  const value = { b: 'yes', a: ['0644', { c: null, d: 'x\ny\n' }], e: {}, f: '12:30', g: 1.5, h: '' };
  assert.deepEqual(parseYaml(encodeYaml(value)).value, value);
});

test('malformed protobuf (B26)', () => {
  const envelope = (raw: number[]): Buffer => Buffer.from([0x6b, 0x38, 0x73, 0, 0x0a, 13, 0x0a, 4, ...Buffer.from('x/v1'), 0x12, 5, ...Buffer.from('Thing'), 0x12, raw.length, ...raw]);
  const faults: readonly [Buffer, RegExp][] = [
    [Buffer.from('{}'), /expected prefix \[107 56 115 0\]/], [Buffer.alloc(0), /empty data/],
    [envelope([0x0a, 0x7f]), /unexpected EOF/], [envelope([0x08, 1]), /wrong wireType = 0 for field Metadata/],
    [envelope([0x0a, ...Array.from({ length: 9 }, () => 0xff), 0x01]), /negative length/], [envelope(Array.from({ length: 12 }, () => 0xff)), /integer overflow/],
    [envelope([0x0c]), /end group/], [envelope(Array.from({ length: 120 }, () => 0x7b)), /groups nested too deeply/],
  ];
  for (const [body, message] of faults) assert.throws(() => decode(body, 'Warn', 'application/vnd.kubernetes.protobuf'), (error) => error instanceof StatusError && error.code === 400 && message.test(error.message));
});

test('protobuf gives the same object as JSON', () => {
  const body = '{"metadata":{"name":"n"},"spec":{"replicas":0,"count":-1,"big":9007199254740993,"ports":[{"number":80,"name":"http"}],"size":"1Gi","at":"2024-01-01T00:00:00Z","blob":"AAEC","where":"http","mode":"m","rules":["a"],"inner":"i"},"data":{"a":"b"},"raw":{"x":[1,"y"]}}';
  const { object } = decode(body);
  const protobuf = serializer.encode(object, THING, 'application/vnd.kubernetes.protobuf');
  assert.deepEqual(decode(protobuf, 'Warn', 'application/vnd.kubernetes.protobuf').object, object);
});

test('base64 as Go reads it', () => {
  assert.equal(canonicalBase64('YQ\n=\r=\n'), 'YQ==');
  for (const [text, offset] of [['AA', 0], ['A', 0], ['YQ=', 3], ['YQ==x', 4], ['Y*==', 1], ['====', 0]] as const) {
    assert.throws(() => canonicalBase64(text), { message: `illegal base64 data at input byte ${offset}` });
  }
});

test('CBOR there and back', () => {
  const value = { a: [1, 'x', null, true, 1.5], b: { c: 9007199254740993n } };
  assert.deepEqual(decodeCbor(encodeCbor(value)), value);
  assert.throws(() => decodeCbor(Buffer.from([0x81])), /cbor:/);
});

test('Accept', () => {
  const offer = { types: ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'], allows: (type: string, target: { kind: string }): boolean => target.kind === 'Table' && type === 'application/json' };
  const type = (accept: string | undefined): string | undefined => negotiateAccept(accept, offer)?.type;
  assert.equal(type(undefined), 'application/json');
  assert.equal(type('*/*'), 'application/json');
  assert.equal(type('APPLICATION/JSON'), undefined);
  assert.equal(type('image/png'), undefined);
  assert.equal(type('application/json;q=0'), 'application/json');
  assert.equal(type('application/json;q=0.5,application/yaml'), 'application/yaml');
  assert.equal(type('application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io,application/json'), 'application/json');
  assert.deepEqual(negotiateAccept('application/json;as=Table;v=v1;g=meta.k8s.io', offer)?.as, { kind: 'Table', version: 'v1', group: 'meta.k8s.io' });
  assert.equal(negotiateAccept('application/json;stream=watch', offer)?.stream, 'watch');
});

test('Content-Type', () => {
  assert.equal(negotiateInput(undefined, ['application/json']), 'application/json');
  assert.equal(negotiateInput('Application/JSON; charset=utf-8', ['application/json']), 'application/json');
  for (const text of ['/', 'text/plain', 'application/json;a=1;a=2']) {
    assert.throws(() => negotiateInput(text, ['application/json']), (error) => error instanceof StatusError && error.code === 415);
  }
  assert.equal(parseMediaType('a/b; q="x\\"y"')?.parameters.get('q'), 'x"y');
});

test('a quantity that is always written is always there: what is decoded equals what was stored', () => {
  const bare = decode('{"apiVersion":"x/v1","kind":"Thing","spec":{"step":{"of":"cpu"}}}').object as { spec?: { step?: unknown } };
  assert.deepEqual(bare.spec?.step, { of: 'cpu', divisor: '0' });
  const again = JSON.parse(stored('{"apiVersion":"x/v1","kind":"Thing","spec":{"step":{"of":"cpu"}}}')) as typeof bare;
  assert.deepEqual(again.spec?.step, bare.spec?.step);
});
