import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueSlabs } from './value-slabs.ts';

test('copies stay what they were while their source is used again', () => {
  const slabs = new ValueSlabs();
  const source = Buffer.alloc(70_000);
  const sizes = [1, 4_000, 8_192, 8_193, 65_536, 70_000, 0];
  const copies = Array.from({ length: 200 }, (_, i) => {
    source.fill(i);
    return slabs.copyOf(source, sizes[i % sizes.length]!);
  });
  copies.forEach((copy, i) => {
    assert.equal(copy.length, sizes[i % sizes.length]);
    assert.ok(copy.every((byte) => byte === i % 256), `copy ${i}`);
  });
});

test('small values share a block, large ones do not', () => {
  const slabs = new ValueSlabs();
  const source = Buffer.alloc(70_000, 1);
  const [a, b, large] = [slabs.copyOf(source, 100), slabs.copyOf(source, 100), slabs.copyOf(source, 20_000)];
  assert.equal(a.buffer, b.buffer);
  assert.notEqual(large.buffer, a.buffer);
});

test('a source that is too short gives what it has', () => {
  assert.equal(new ValueSlabs().copyOf(Buffer.from('abc'), 10).toString(), 'abc');
});
