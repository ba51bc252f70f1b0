import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as q from './quantity.ts';

const CANONICAL: readonly [input: string, output: string][] = [
  ['0', '0'], ['0n', '0'], ['0Mi', '0'], ['-0', '0'], ['100m', '100m'], ['1000m', '1'], ['1500m', '1500m'], ['.5', '500m'], ['5.', '5.'], ['1.5', '1500m'],
  ['1.0000000001', '1000000001n'], ['0.0000000001', '1n'], ['-0.0000000001', '-1n'], ['1024Mi', '1Gi'], ['100Mi', '100Mi'], ['1Ki', '1Ki'], ['1.5Gi', '1536Mi'],
  ['0.5Mi', '512Ki'], ['.001Ki', '1024m'], ['1025', '1025'], ['1e3', '1e3'], ['12E6', '12E6'], ['1e4', '10e3'], ['10000', '10k'], ['1000000', '1M'], ['3Ei', '3Ei'],
  ['9223372036854775807', '9223372036854775807'], ['9223372036854775808', '9223372036854775808'], ['10Ei', '9223372036854775807'],
  ['1000E', '1'], ['1e100', '10e99'], ['+5', '+5'], ['007', '007'], ['1e-3', '1e-3'], ['2e-10', '1e-9'], ['1.2.', ''], ['0.100', '100m'], ['512', '512'], ['1000Ki', '1000Ki'],
];

for (const [input, output] of CANONICAL) {
  if (output !== '') test(`${input} is ${output}`, () => assert.equal(q.formatQuantity(q.parseQuantity(input)), output));
}

const FAULTS: readonly [input: string, text: RegExp][] = [
  ['', /must match the regular expression/], ['1.2.3', /must match the regular expression/], ['1e', /unable to parse quantity's suffix/],
  ['1ii', /suffix/], ['1 Gi', /must match/], ['abc', /must match/], ['1K', /suffix/], ['--1', /suffix/], ['1e99999999999999999999', /suffix/], ['1e99999', /suffix/], ['.', /numeric part/], ['-.Gi', /numeric part/], ['9'.repeat(10_000), /numeric part/],
];

for (const [input, text] of FAULTS) {
  test(`"${input}" is refused`, () => assert.throws(() => q.parseQuantity(input), text));
}

test('values round up', () => {
  assert.equal(q.quantityValue(q.parseQuantity('1001m')), 2);
  assert.equal(q.quantityValue(q.parseQuantity('-1001m')), -2);
  assert.equal(q.quantityMilliValue(q.parseQuantity('1u')), 1);
  assert.equal(q.quantityMilliValue(q.parseQuantity('2')), 2000);
  assert.equal(q.quantityValue(q.parseQuantity('1Gi')), 2 ** 30);
});

test('sums keep the format of the first', () => {
  const sum = q.addQuantities(q.parseQuantity('1Gi'), q.parseQuantity('512Mi'));
  assert.equal(q.formatQuantity(sum), '1536Mi');
  assert.equal(q.formatQuantity(q.addQuantities(q.ZERO_QUANTITY, q.parseQuantity('1Gi'))), '1Gi');
  assert.equal(q.formatQuantity(q.subtractQuantities(q.parseQuantity('1'), q.parseQuantity('100m'))), '900m');
});

test('huge exponents cost nothing', () => {
  assert.ok(q.compareQuantities(q.parseQuantity('1e1000'), q.parseQuantity('1')) > 0);
  assert.equal(q.formatQuantity(q.parseQuantity('1e-1000000000')), '1e-9');
});

test('canonical text parses to the same value', () => {
  fc.assert(fc.property(fc.bigInt(-(10n ** 9n), 10n ** 9n), fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-6'), (number, suffix) => {
    const first = q.parseQuantity(`${number}${suffix}`);
    const again = q.parseQuantity(q.formatQuantity({ ...first, text: undefined }));
    assert.equal(q.compareQuantities(first, again), 0);
  }), { numRuns: 300 });
});
