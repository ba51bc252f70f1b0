import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression } from './compile.ts';
import { dataValue } from './data.ts';
import { declaredType, escapeName, type SchemaNode } from './declared-type.ts';
import { buildEnvironment } from './environment.ts';

const SCHEMA: SchemaNode = {
  type: 'object',
  properties: {
    n: { type: 'integer' }, s: { type: 'string', maxLength: 10 }, long: { type: 'string' }, 'a-b': { type: 'integer' }, in: { type: 'integer' }, as: { type: 'integer' },
    list: { type: 'array', maxItems: 5, items: { type: 'integer' } }, set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    any: { 'x-kubernetes-int-or-string': true }, map: { type: 'object', additionalProperties: { type: 'string' } },
    o: { type: 'object', properties: { x: { type: 'integer' } } }, absent: { type: 'string' }, wait: { type: 'string', format: 'duration' },
  },
};
const declared = declaredType(SCHEMA, 'selfType1')!;
const environment = buildEnvironment([{ name: 'self', declared }]);
const self = dataValue({ n: 7, s: 'hello', 'a-b': 1, in: 2, as: 3, list: [3, 1, 2], set: ['x', 'y'], any: '50%', map: { k: 'v' }, o: { x: 1 }, wait: '90m' }, declared);

/** The value or what is wrong, as text. */
function evaluate(text: string, costMax = 1_000_000): string {
  const compiled = compileExpression(text, environment);
  if (compiled.program === undefined) return compiled.issues ?? compiled.planFault;
  const { value, error } = compiled.program.evaluate({ self }, { costMax });
  return error ?? (Array.isArray(value) ? `[${value.join(' ')}]` : String(value));
}

const VALUES: Readonly<Record<string, string>> = {
  'self.n + 1': '8',
  '9223372036854775807 + self.n': 'integer overflow',
  'self.n / 0': 'division by zero',
  '1 / 0 == 1 || true': 'true',
  'self.any + "!"': '50%!',
  'self.any + 1': 'no such overload',
  'self.absent': 'no such key: absent',
  'has(self.absent)': 'false',
  'self.?absent.orValue("none")': 'none',
  'self.list[5]': 'index out of bounds: 5',
  'self.list.map(x, x > 1, x * 2)': '[6 4]',
  'self.list.exists(x, 1 / (x - 1) == 1)': 'true',
  'self.list.sortBy(x, -x)': '[3 2 1]',
  'self.set == ["y", "x"]': 'true',
  'self.set + ["x", "z"]': '[x y z]',
  'self.a__dash__b + self.__in__ + self.as': '6',
  'self.o == "?"': 'found no matching overload',
  'dyn(self.o) == "?"': 'no such overload',
  'self.wait > duration("1h")': 'true',
  '"%s: %d".format([self.list, self.n])': '[3, 1, 2]: 7',
  'quantity("1.5Gi").isGreaterThan(quantity("1G"))': 'true',
  'cidr("10.0.0.0/8").containsIP("10.1.2.3")': 'true',
  'semver("v1.2", true).minor()': '2',
  'format.dns1123Label().validate("ok").hasValue()': 'false',
  '"aaa".replace("", "-")': '-a-a-a-',
  '"a,b,c".split(",", 2)': '[a b,c]',
  '"Üb".size()': '2',
  'int("abc")': "type conversion error from 'string' to 'int'",
  '"x".find("(")': 'error parsing regexp: missing closing ): `(`',
};

for (const [text, expected] of Object.entries(VALUES)) {
  test(`value: ${text}`, () => {
    const actual = evaluate(text);
    assert.ok(actual === expected || (expected.startsWith('found') && actual.includes(expected)), actual);
  });
}

const ISSUES: Readonly<Record<string, string>> = {
  'self.n +': "ERROR: <input>:1:9: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | self.n +\n | ........^",
  '': "ERROR: <input>:1:0: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
  '(1': "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^",
  '"a" "b"': "ERROR: <input>:1:5: Syntax error: extraneous input '\"b\"' expecting <EOF>\n | \"a\" \"b\"\n | ....^",
  'self.unknown': "ERROR: <input>:1:5: undefined field 'unknown'\n | self.unknown\n | ....^",
  '"Ü" + x': "ERROR: <input>:1:7: undeclared reference to 'x' (in container '')\n | \"Ü\" + x\n | .．....^",
  '[1, "a"]': "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, \"a\"]\n | ....^",
  '1 == "1"': "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, string)'\n | 1 == \"1\"\n | ..^",
  'self.s.matches("(")': 'ERROR: <input>:1:16: invalid matches argument\n | self.s.matches("(")\n | ...............^',
  '"%d".format([1.5])': 'ERROR: <input>:1:14: error during formatting: decimal clause can only be used on integers, was given double\n | "%d".format([1.5])\n | .............^',
};

for (const [text, expected] of Object.entries(ISSUES)) test(`issue: ${text}`, () => assert.equal(evaluate(text), expected));

test('a rule over a list without limits costs more than one with', () => {
  const cost = (text: string): number => { const compiled = compileExpression(text, environment); return compiled.program === undefined ? NaN : compiled.cost.max; };
  assert.equal(cost('self.n > 1'), 3);
  assert.ok(cost('self.list.all(x, x > 0)') < 50);
  assert.ok(cost('self.set.all(x, x != "")') > 1_000_000);
  assert.ok(cost('self.long.matches("a.*b")') > cost('self.s.matches("a.*b")'));
});

test('evaluation stops at its cost limit', () => {
  assert.equal(evaluate('[1,2,3,4,5,6,7,8].all(x, [1,2,3].all(y, x + y > 0))', 50), 'operation cancelled: actual cost limit exceeded');
});

test('deep nesting is refused, not a crash', () => {
  assert.match(evaluate(`${'('.repeat(400)}1${')'.repeat(400)}`), /recursion limit exceeded/);
  assert.match(evaluate(`${'['.repeat(100_001)}`), /size exceeds limit|recursion limit/);
});

test('names are escaped as identifiers', () => {
  assert.deepEqual(['a.b', 'a-b', 'x/y', '__x', 'in', '1st', '$x', 'ok'].map(escapeName),
    ['a__dot__b', 'a__dash__b', 'x__slash__y', '__underscores__x', '__in__', undefined, undefined, 'ok']);
});
