import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revisionData } from './revision-history.ts';

test('the data of a revision, byte by byte', () => {
  const template = { spec: { securityContext: {}, containers: [{ name: 'a', image: 'b:1', resources: {} }] }, metadata: { labels: { b: '2', a: '1' } } };
  assert.equal(JSON.stringify(revisionData(template)),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"image":"b:1","name":"a","resources":{}}],"securityContext":{}}}}}');
});
