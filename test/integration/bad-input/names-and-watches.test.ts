/** B31 and B47: names that cannot be generated, watches of one object that ask for another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '#base/random';
import { CONFIG_MAPS, playground } from './playground.ts';

/** Its suffixes are all the same. */
const place = playground(undefined, { ...systemRandom, integer: () => 0 });

test('B31: generateName that finds no free name is refused with when to try again', async () => {
  const first = await place.make(CONFIG_MAPS, { metadata: { generateName: 'taken-' } });
  const before = await place.revision();
  const { status, body } = await place.ask('POST', CONFIG_MAPS, { metadata: { generateName: 'taken-' } });
  assert.deepEqual([status, body['reason'], body['details'].retryAfterSeconds], [409, 'AlreadyExists', 1]);
  assert.equal(body['message'], `configmaps "${first['metadata'].name}" already exists, the server was not able to generate a unique name for the object`);
  assert.equal(await place.revision(), before);
});

place.refuses({ name: 'B47 a watch of one name that selects another', method: 'GET', path: '/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db', code: 400 });
