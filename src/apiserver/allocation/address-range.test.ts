import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base/random';
import { AddressRange } from './address-range.ts';

test('network and broadcast addresses are nobody\'s', () => {
  const range = new AddressRange('10.96.0.0/24');
  assert.deepEqual(['10.96.0.0', '10.96.0.1', '10.96.0.254', '10.96.0.255', '10.96.1.1', 'fd00::1'].map((ip) => range.contains(ip)), [false, true, true, false, false, false]);
  assert.equal(range.first(), '10.96.0.1');
});

test('the upper band first, then the lower one, each address once', () => {
  const all = [...new AddressRange('10.96.0.0/24').candidates(seededRandom(7), 1_000)];
  assert.equal(new Set(all).size, 254);
  // A sixteenth, at least 16: .1 … .16 are left for addresses that users choose.
  const last = all.slice(-16).map((ip) => Number(ip.split('.')[3])).sort((a, b) => a - b);
  assert.deepEqual(last, Array.from({ length: 16 }, (_, i) => i + 1));
});

test('a range of 2^64 addresses is not walked', () => {
  const range = new AddressRange('fd00:1::/64');
  assert.equal([...range.candidates(seededRandom(1), 5)].length, 5);
  assert.equal(range.first(), 'fd00:1::1');
});
