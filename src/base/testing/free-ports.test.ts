import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePorts } from './free-ports.ts';

test('ports are different, can be listened on, and none is one that connections get', async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  for (const port of ports) {
    assert.ok(port < 30_000, `${port} is below node ports and the ports of connections`);
    const server = createServer();
    await new Promise<void>((resolve, reject) => { server.once('error', reject).listen(port, '127.0.0.1', resolve); });
    await new Promise((resolve) => { server.close(resolve); });
  }
});
