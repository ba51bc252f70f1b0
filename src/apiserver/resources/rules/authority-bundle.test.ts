import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { systemRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { authorityBundleFault } from './authority-bundle.ts';

let good = '';
before(() => { good = clusterPki({ clock: systemClock, random: systemRandom }).authority.certificatePem; });

const block = (bytes: readonly number[], type = 'CERTIFICATE', headers = ''): string => `-----BEGIN ${type}-----\n${headers}${Buffer.from(bytes).toString('base64')}\n-----END ${type}-----\n`;
const fault = (text: string): string | undefined => authorityBundleFault(Buffer.from(text).toString('base64'));
const PREFIX = 'unable to load root certificates: ';

for (const [name, text, expected] of [
  ['no PEM', 'abc', 'unable to parse bytes as PEM block'],
  ['broken base64', '-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n', 'unable to parse bytes as PEM block'],
  ['another sort of block', block([1, 2], 'PUBLIC KEY'), 'no valid certificate authority data seen'],
  ['a block with headers', block([0x30, 0], 'CERTIFICATE', 'A: b\n\n'), 'no valid certificate authority data seen'],
  ['another sort of block, and text', `${block([1, 2], 'PUBLIC KEY')}text`, 'unable to parse bytes as PEM block'],
  ['no sequence', block([1, 2, 3]), 'failed to parse certificate: x509: malformed certificate'],
  ['more than a sequence', block([0x30, 2, 0x30, 0, 9]), 'failed to parse certificate: x509: trailing data'],
  ['nothing to sign', block([0x30, 2, 2, 0]), 'failed to parse certificate: x509: malformed tbs certificate'],
] as const) {
  test(name, () => { assert.equal(fault(text), PREFIX + expected); });
}

test('one certificate is enough', () => {
  assert.equal(fault(good), undefined);
  assert.equal(fault(`a text\n${block([1, 2, 3])}${good}`), undefined);
});
