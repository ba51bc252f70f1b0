import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isPortFree } from './port.ts';

test('a port is free when its server has closed, not while it listens', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  assert.equal(await isPortFree(port), false);
  await new Promise((resolve) => { server.close(resolve); });
  assert.equal(await isPortFree(port), true);
});
