import assert from 'node:assert/strict';
import { test } from 'node:test';
import { regularExpressionFault } from './regular-expressions.ts';

const SOUND = ['', 'a', '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', '(?i)abc', '(?:a|b)+?', '(?P<n>x)', '(?<n>x)', '[]a]', '[^]]', String.raw`\d{1,3}\.\p{L}\x{10FFFF}`,
  '[[:alpha:]_]', 'a{,2}', String.raw`\Qa(b\E`, String.raw`[\w.-]+@x`, '(?i:a)b'];
for (const pattern of SOUND) test(`takes ${pattern}`, () => assert.equal(regularExpressionFault(pattern), undefined));

const FAULTS: readonly (readonly [pattern: string, fault: string])[] = [
  ['(', 'missing closing ): `(`'],
  ['a)', 'unexpected ): `a)`'],
  ['x[', 'missing closing ]: `[`'],
  ['[z-a]', 'invalid character class range: `z-a`'],
  ['*a', 'missing argument to repetition operator: `*`'],
  ['a**', 'invalid nested repetition operator: `**`'],
  ['a{2,1}', 'invalid repeat count: `{2,1}`'],
  ['a{1001}', 'invalid repeat count: `{1001}`'],
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
  [String.raw`(a)\1`, String.raw`invalid escape sequence: ` + '`\\1`'],
  [String.raw`\z\y`, String.raw`invalid escape sequence: ` + '`\\y`'],
];
for (const [pattern, fault] of FAULTS) test(`refuses ${pattern}`, () => assert.equal(regularExpressionFault(pattern), `error parsing regexp: ${fault}`));
