import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFieldSelector, fieldsMatch, formatFieldSelector } from './field-selector.ts';
import { formatLabelSelector, labelSelectorOf, labelsMatch, parseLabelSelector } from './label-selector.ts';

const FORMS: readonly [input: string, output: string][] = [
  ['a=b', 'a=b'], ['a==b', 'a==b'], ['a!=b', 'a!=b'], ['a', 'a'], ['!a', '!a'], ['a in (c,b)', 'a in (b,c)'], ['a notin (b)', 'a notin (b)'], ['a in ()', 'a in ()'],
  ['a in (,b)', 'a in (,b)'], ['a>5,b<3', 'a>5,b<3'], ['b=1,a=2', 'a=2,b=1'], [' a = b , c ', 'a=b,c'], ['in in (in,notin)', 'in in (in,notin)'], ['a=', 'a='], ['a=,b', 'a=,b'],
  ['', ''], ['x/y=z', 'x/y=z'],
];
for (const [input, output] of FORMS) test(`label selector ${input}`, () => assert.equal(formatLabelSelector(parseLabelSelector(input)), output));

const FAULTS: readonly [input: string, message: string][] = [
  ['n>=1', "unable to parse requirement: found '=', expected: identifier"],
  ['a=b,', "found '', expected: identifier after ','"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['=a', "found '=', expected: !, identifier, or 'end of string'"],
  ['a in b', "unable to parse requirement: found 'b' expected: '('"],
  ['a>x', `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`],
  ['!', "unable to parse requirement: found '', expected: identifier"],
];
for (const [input, message] of FAULTS) test(`label selector ${input} is refused`, () => assert.throws(() => parseLabelSelector(input), { message }));

test('label selectors match', () => {
  const labels = { a: 'b', n: '7', e: '' };
  const match = (text: string): boolean => labelsMatch(parseLabelSelector(text), labels);
  assert.deepEqual(['a=b', 'a!=b', 'x!=b', 'a in (b,c)', 'x notin (y)', 'n>6', 'n>7', 'a>1', 'e in ()', '!x', 'a,!a'].map(match),
    [true, false, true, true, true, true, false, false, true, true, false]);
  assert.equal(labelsMatch(labelSelectorOf(undefined), labels), false);
  assert.equal(labelsMatch(labelSelectorOf({}), labels), true);
  assert.equal(labelsMatch(parseLabelSelector('toString'), labels), false);
  assert.throws(() => labelSelectorOf({ matchExpressions: [{ key: 'a', operator: 'Odd' }] }), { message: '"Odd" is not a valid label selector operator' });
});

test('field selectors', () => {
  assert.equal(formatFieldSelector(parseFieldSelector('b=1,a!=x\\,y')), 'a!=x\\,y,b=1');
  assert.equal(fieldsMatch(parseFieldSelector('a==1,b!=2'), (field) => ({ a: '1', b: '3' })[field] ?? ''), true);
  assert.throws(() => parseFieldSelector('a=b=c'), { message: 'invalid field selector: unescaped character in value: 61' });
  assert.throws(() => parseFieldSelector('abc'), { message: "invalid selector: 'abc'; can't understand 'abc'" });
  assert.throws(() => parseFieldSelector('a=\\x'), { message: 'invalid field selector: invalid escape sequence: \\x' });
});
