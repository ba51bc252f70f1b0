import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CidrSet } from './cidr-set.ts';

test('ranges one after the other, until none is left', () => {
  const set = new CidrSet('10.244.0.0/22', 24);
  assert.deepEqual(Array.from({ length: 5 }, () => set.allocate()), ['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24', undefined]);
  assert.equal(set.release('10.244.1.0/24'), true);
  assert.equal(set.free(), 1);
  assert.equal(set.allocate(), '10.244.1.0/24');
});

test('a returned range rests as long as possible', () => {
  const set = new CidrSet('10.0.0.0/23', 25);
  assert.equal(set.allocate(), '10.0.0.0/25');
  set.release('10.0.0.0/25');
  assert.deepEqual([set.allocate(), set.allocate(), set.allocate(), set.allocate()], ['10.0.0.128/25', '10.0.1.0/25', '10.0.1.128/25', '10.0.0.0/25']);
});

const OCCUPIED: [name: string, range: string, inside: boolean, next: string][] = [
  ['the same size', '10.244.0.0/24', true, '10.244.1.0/24'],
  ['larger: all ranges it covers', '10.244.0.0/23', true, '10.244.2.0/24'],
  ['smaller: the range it lies in', '10.244.0.128/26', true, '10.244.1.0/24'],
  ['another network', '10.245.0.0/24', false, '10.244.0.0/24'],
  ['below the network', '10.243.255.0/24', false, '10.244.0.0/24'],
  ['another family', 'fd00::/64', false, '10.244.0.0/24'],
  ['nonsense', 'x', false, '10.244.0.0/24'],
];
for (const [name, range, inside, next] of OCCUPIED) {
  test(`occupied: ${name}`, () => {
    const set = new CidrSet('10.244.0.0/16', 24);
    assert.equal(set.occupy(range), inside);
    assert.equal(set.allocate(), next);
  });
}

test('IPv6', () => {
  const set = new CidrSet('fd00:10:244::/56', 64);
  assert.deepEqual([set.allocate(), set.allocate(), set.isIPv6, set.free()], ['fd00:10:244::/64', 'fd00:10:244:1::/64', true, 254]);
});

test('ranges larger than the network do not fit', () => {
  assert.throws(() => new CidrSet('10.0.0.0/24', 16), /do not fit/);
});
