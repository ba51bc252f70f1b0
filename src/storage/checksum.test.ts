import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, tableCrc32 } from './checksum.ts';

test('crc32: the check value of the standard, by both ways', () => {
  for (const sum of [crc32, tableCrc32]) assert.equal(sum(Buffer.from('123456789')), 0xcbf43926);
});

test('crc32: continues from what came before', () => {
  for (const sum of [crc32, tableCrc32]) assert.equal(sum(Buffer.from('6789'), sum(Buffer.from('12345'))), 0xcbf43926);
});
