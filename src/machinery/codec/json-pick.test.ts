import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pickJson, type WantedFields } from './json-pick.ts';

/** The slow way. */
function narrowed(value: unknown, wanted: WantedFields): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value as Record<string, unknown>)) {
    if (!Object.hasOwn(wanted, name)) continue;
    const part = wanted[name]!;
    found[name] = part !== true && typeof one === 'object' && one !== null && !Array.isArray(one) ? narrowed(one, part) : one;
  }
  return found;
}

const WANTED: WantedFields = { metadata: { labels: true, name: true }, spec: { nodeName: true, deep: { er: true } }, status: true };
const pick = (text: string, wanted = WANTED): unknown => pickJson(Buffer.from(text), wanted);

describe('picking values out of JSON', () => {
  const long = `${'x'.repeat(100)}\\"${'y'.repeat(50)}\\\\`;
  for (const [name, text] of [
    ['nothing wanted there', '{"a":{"metadata":{"labels":{}}},"b":["spec",{"status":1}]}'],
    ['an empty object', '{}'],
    ['white space everywhere', ' {\n "metadata" : { "labels" :\t{ "a" : "b" } , "name" : "x" } , "status" : [ 1 , { "y" : null } ] }\r\n'],
    ['escapes in values and names', '{"meta\\u0064ata":{"labels":{"a\\"b":"\\u00e9\\n\\\\"}},"sp\\/ec":1,"spec":{"nodeName":"\\\\"}}'],
    ['quotes, brackets and backslashes in what is passed over', `{"skip":"a\\\\\\"}]{[,","more":{"k\\"}":["}",{"x":"\\\\"}]},"long":"${long}","longer":["${long}${long}"],"metadata":{"name":"after"}}`],
    ['names that are long', `{"${long}":{"metadata":1},"metadata":{"${long}":[],"name":"${long}"}}`],
    ['letters of all lengths', '{"é漢😀":"é漢😀","metadata":{"labels":{"é":"漢😀"},"name":"😀"},"status":"é"}'],
    ['the last of names that are there twice', '{"metadata":{"labels":{"a":"1"},"name":"x"},"spec":{"nodeName":"n","nodeName":"m"},"metadata":{"labels":{"b":"2","b":"3"}}}'],
    ['other kinds of values', '{"metadata":null,"spec":[{"nodeName":1}],"status":-1.5e+10,"a":true,"b":false,"c":null,"d":0}'],
    ['values where objects are expected', '{"metadata":"text","spec":{"nodeName":{"deep":[1,[2,[3]]]},"deep":7}}'],
    ['a name that all objects know', '{"__proto__":{"labels":1},"constructor":{"x":1},"toString":1,"metadata":{"hasOwnProperty":1,"name":"x"}}'],
  ] as const) {
    it(`gives what parsing gives: ${name}`, () => assert.deepEqual(pick(text), narrowed(JSON.parse(text), WANTED)));
  }

  it('gives what parsing gives, whatever the object', () => {
    const names = fc.oneof(fc.constantFrom('metadata', 'labels', 'name', 'spec', 'nodeName', 'deep', 'er', 'status'), fc.string({ unit: 'binary', maxLength: 40 }));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, fc.string({ unit: 'binary', maxLength: 80 }), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), tie('object')),
      object: fc.dictionary(names, tie('value'), { maxKeys: 6 }),
    }));
    fc.assert(fc.property(fc.dictionary(names, value, { maxKeys: 8 }), fc.boolean(), (object, spaced) => {
      const text = JSON.stringify(object, undefined, spaced ? 2 : undefined);
      // What the bytes say: lone halves of characters are none.
      assert.deepEqual(pick(text), narrowed(JSON.parse(Buffer.from(text).toString()), WANTED));
    }), { seed: 7, numRuns: 1_500 });
  });

  it('refuses what is cut off', () => {
    const text = JSON.stringify({ skip: ['a"b', { c: 'd'.repeat(60) }], metadata: { labels: { a: 'é' }, other: 1 }, status: { x: [1] } });
    for (let end = 0; end < text.length; end++) assert.throws(() => pick(text.slice(0, end)), SyntaxError, text.slice(0, end));
    for (const wrong of ['[]', '"x"', 'null', `${text}}`, `${text} x`, '{"a" 1}', '{"a":}', '{"a":1 "b":2}', '{a:1}', '{"a":1,}', '\0not an object', '{"status":tru}']) assert.throws(() => pick(wrong), SyntaxError, wrong);
  });
});
