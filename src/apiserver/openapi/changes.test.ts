/** What is served changes: documents follow, and what did not change is not written again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiDocuments } from './documents.ts';
import type { CustomDefinitions, PublishedVersion } from './published.ts';

function version(group: string, kinds: readonly string[], written: string[]): PublishedVersion {
  const nameOf = (kind: string): string => `${group.split('.').reverse().join('.')}.v1.${kind}`;
  const custom: CustomDefinitions = {
    revision: kinds.join(), namesOf: ({ kind }) => ({ object: nameOf(kind), list: nameOf(`${kind}List`) }),
    definitions({ kind }) {
      written.push(kind);
      return new Map([kind, `${kind}List`].map((one) => [nameOf(one), { type: 'object' }]));
    },
  };
  const resources = kinds.map((kind) => ({ group, version: 'v1', resource: `${kind.toLowerCase()}s`, singular: '', kind, type: '', namespaced: true, verbs: ['get', 'list', 'watch'], shortNames: [], categories: [], subresources: [] }));
  return { group, version: 'v1', resources, custom };
}

test('one more custom resource costs its own pieces', async () => {
  const written: string[] = [];
  const first = version('a.example.com', ['One', 'Two'], written);
  let published: readonly PublishedVersion[] = [first];
  const documents = openApiDocuments({ serverVersion: 'v1', published: () => published });
  const definitionsOf = async (): Promise<string[]> => Object.keys(JSON.parse((await documents.v2()).bytes.whole().toString()).definitions).filter((name) => name.startsWith('com.example'));
  const before = documents.hashOfV2();
  assert.equal((await definitionsOf()).length, 4);
  const third = version('b.example.com', ['Three'], written);
  published = [first, third];
  assert.notEqual(documents.hashOfV2(), before);
  assert.deepEqual((await definitionsOf()).sort(), ['One', 'OneList', 'Two', 'TwoList'].map((kind) => `com.example.a.v1.${kind}`).concat(['Three', 'ThreeList'].map((kind) => `com.example.b.v1.${kind}`)).sort());
  assert.deepEqual(written, ['One', 'Two', 'Three'], 'each once');
  published = [third];
  assert.equal((await definitionsOf()).length, 2);
  assert.equal(await documents.v3('apis/a.example.com/v1'), undefined);
  assert.ok(!JSON.parse(documents.index().toString()).paths['apis/a.example.com']);
});

test('a large document is sent in pieces that are the document', async () => {
  const written: string[] = [];
  const published = [version('a.example.com', Array.from({ length: 60 }, (_, index) => `Kind${index}`), written)];
  const { bytes } = await openApiDocuments({ serverVersion: 'v1', published: () => published }).v2();
  const body = bytes.body();
  assert.ok(!Buffer.isBuffer(body));
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  assert.ok(pieces.length > 1);
  assert.equal(bytes.length, bytes.whole().length);
  assert.ok(Buffer.concat(pieces).equals(bytes.whole()));
});
