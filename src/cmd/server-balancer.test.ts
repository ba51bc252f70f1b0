import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { startServerBalancer } from './server-balancer.ts';

interface Fake { readonly address: string; die(): Promise<void> }

/** Says its name to whoever connects. */
async function fake(name: string): Promise<Fake> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => { open.add(socket); socket.on('error', () => undefined); socket.write(name); });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', () => resolve()); });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    die: () => new Promise((resolve) => { for (const socket of open) socket.destroy(); server.close(() => resolve()); }),
  };
}

/** What is heard at the balancer: a server's name, or '' when it hangs up. */
function heard(url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    socket.once('data', (bytes) => { resolve(bytes.toString()); socket.destroy(); });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(''));
  });
}

test('connections go to a server that lives; servers that the cluster names are remembered', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-balancer-'));
  const path = join(directory, 'servers.json');
  const [a, b] = [await fake('a'), await fake('b')];
  const start = () => startServerBalancer({ servers: [`https://${a.address}`], path, clock: systemClock, log: silentLogger });
  let balancer = await start();
  try {
    assert.equal(await heard(balancer.url), 'a');
    balancer.learn([a.address, b.address]);
    assert.equal(await heard(balancer.url), 'a');
    await a.die();
    assert.equal(await heard(balancer.url), 'b');
    await balancer.close();
    balancer = await start();
    assert.equal(await heard(balancer.url), 'b', 'after a restart');
    balancer.learn([b.address]);
    assert.equal(await heard(balancer.url), 'b');
    await b.die();
    assert.equal(await heard(balancer.url), '');
  } finally {
    await balancer.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a connection ends with its server', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-balancer-'));
  const a = await fake('a');
  const balancer = await startServerBalancer({ servers: [`https://${a.address}`], path: join(directory, 'servers.json'), clock: systemClock, log: silentLogger });
  try {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(balancer.url).port) });
    socket.on('error', () => undefined);
    await new Promise((resolve) => { socket.once('data', resolve); });
    const ended = new Promise((resolve) => { socket.once('close', resolve); });
    await a.die();
    await ended;
  } finally {
    await balancer.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
