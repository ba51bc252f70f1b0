import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { chainHandler, type DnsPlugin } from './plugin.ts';
import { cachePlugin } from './plugins/cache.ts';
import { forwardPlugin } from './plugins/forward.ts';
import { hostsPlugin } from './plugins/hosts.ts';
import { createDnsServer } from './server.ts';

const context = { clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry() };

async function withServer(plugins: DnsPlugin[], work: (port: number, resolver: Resolver) => Promise<void>): Promise<void> {
  const server = createDnsServer({ host: '127.0.0.1', port: 0, handler: chainHandler(plugins) }, context);
  await server.start(new AbortController().signal);
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.port()}`]);
  try {
    await work(server.port(), resolver);
  } finally {
    resolver.cancel();
    await server.stop();
  }
}

const MANY: DnsPlugin = {
  name: 'many',
  serve: async (question) => ({ code: 'NOERROR', answers: Array.from({ length: 200 }, (_, i) => ({ type: 'A', name: question.name, ttl: 5, data: `10.0.0.${i}` })) }),
};

test('answers, misses and what nobody serves', async () => {
  await withServer([hostsPlugin('192.0.2.7 printer # upstairs\n')], async (_port, resolver) => {
    assert.deepEqual(await resolver.resolve4('PRINTER'), ['192.0.2.7']);
    await assert.rejects(resolver.resolve6('printer'), { code: 'ENODATA' });
    await assert.rejects(resolver.resolve4('elsewhere'), { code: 'EREFUSED' });
  });
});

test('an answer too long for a datagram comes by TCP', async () => {
  await withServer([MANY], async (_port, resolver) => {
    assert.equal((await resolver.resolve4('big.example')).length, 200);
  });
});

test('questions for elsewhere are forwarded once and cached', async () => {
  let asked = 0;
  const upstream: DnsPlugin = { name: 'upstream', serve: async (question) => { asked++; return { code: 'NOERROR', answers: [{ type: 'A', name: question.name, ttl: 60, data: '198.51.100.4' }] }; } };
  await withServer([upstream], async (upstreamPort) => {
    await withServer([cachePlugin(systemClock), forwardPlugin([{ host: '127.0.0.1', port: upstreamPort }], context)], async (_port, resolver) => {
      assert.deepEqual(await resolver.resolve4('www.example'), ['198.51.100.4']);
      assert.deepEqual(await resolver.resolve4('www.example'), ['198.51.100.4']);
      assert.equal(asked, 1);
    });
  });
});

test('a malformed message gets FORMERR and the server goes on', async () => {
  await withServer([hostsPlugin('192.0.2.7 printer\n')], async (port, resolver) => {
    const socket = createSocket('udp4');
    const answer = new Promise<Buffer>((resolve) => { socket.once('message', resolve); });
    socket.send(Buffer.from('abcd0100000100000000000001ff', 'hex'), port, '127.0.0.1');
    const message = await answer;
    socket.close();
    assert.equal(message.readUInt16BE(0), 0xabcd);
    assert.equal(message[3]! & 0x0f, 1);
    assert.deepEqual(await resolver.resolve4('printer'), ['192.0.2.7']);
  });
});
