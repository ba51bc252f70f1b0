import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPart, nthAddress, parseNetwork } from './network-range.ts';
import { UserError } from './terminal.ts';

for (const [network, place, expected] of [['10.96.0.0/12', 10, '10.96.0.10'], ['10.97.3.4/12', 1, '10.96.0.1'], ['10.0.255.0/16', 258, '10.0.1.2'], ['fd00:10::/112', 10, 'fd00:10::a']] as const) {
  test(`${place} in ${network} is ${expected}`, () => assert.equal(nthAddress(network, place), expected));
}

test('what is no network is refused by name of its flag', () => {
  assert.throws(() => parseNetwork('10.0.0.0', '--cluster-cidr'), new UserError('--cluster-cidr 10.0.0.0: a network such as 10.244.0.0/16 is expected'));
  assert.equal(hostPart('fd00::1'), '[fd00::1]');
});
