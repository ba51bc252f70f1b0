import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder, HpackError, hpackEncode } from './hpack.ts';

test('HPACK: the examples of RFC 7541, one connection after another', () => {
  const plain = new HpackDecoder();
  const authority = [':authority', 'www.example.com'];
  const get = [[':method', 'GET'], [':scheme', 'http'], [':path', '/']];
  assert.deepEqual(plain.decode(Buffer.from('828684410f7777772e6578616d706c652e636f6d', 'hex')), [...get, authority]);
  assert.deepEqual(plain.decode(Buffer.from('828684be58086e6f2d6361636865', 'hex')), [...get, authority, ['cache-control', 'no-cache']]);
  const huffman = new HpackDecoder();
  assert.deepEqual(huffman.decode(Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex')), [...get, authority]);
  assert.deepEqual(huffman.decode(Buffer.from('828684be5886a8eb10649cbf', 'hex')), [...get, authority, ['cache-control', 'no-cache']]);
  assert.deepEqual(huffman.decode(Buffer.from('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', 'hex')),
    [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], authority, ['custom-key', 'custom-value']]);
});

test('HPACK: what is encoded is decoded', () => {
  const fields: [string, string][] = [[':status', '200'], ['content-type', 'application/grpc'], ['grpc-message', 'x'.repeat(300)], ['grpc-status', '0']];
  assert.deepEqual(new HpackDecoder().decode(hpackEncode(fields)), fields);
});

test('HPACK: blocks that break the rules are refused', () => {
  const table: [string, string][] = [
    ['an index beyond the table', 'ff80ffff03'], ['an index of none', '80'], ['a table larger than agreed', '3fe21f'], ['a string cut short', '4001'],
    ['a number without end', 'ffffffffffffffffff'], ['Huffman with the end-of-string symbol', '008184ffffffff'], ['Huffman padded with zeros', '00810081001'],
  ];
  for (const [name, hex] of table) assert.throws(() => new HpackDecoder().decode(Buffer.from(hex, 'hex')), HpackError, name);
});

test('HPACK: the dynamic table forgets the oldest', () => {
  const decoder = new HpackDecoder();
  const literal = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name), Buffer.from([0x7f, value.length - 127]), Buffer.from(value)]);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r']) decoder.decode(literal(name, 'x'.repeat(200)));
  assert.equal(decoder.decode(Buffer.from([0xbe]))[0]![0], 'r');
  assert.throws(() => decoder.decode(Buffer.from([0x80 | (62 + 18)])), HpackError);
});
