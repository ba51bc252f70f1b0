import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addressOf, durationMs, portOf, usableDataDir, wholeNumber } from './flag-values.ts';
import { storageSettings, type StorageFlags } from './storage-engine.ts';
import { UserError } from './terminal.ts';

const refused: [what: string, check: () => unknown, message: RegExp][] = [
  ['a port beyond the last', () => portOf('65536', '--port'), /^--port 65536: a whole number from 0 to 65535 is expected$/],
  ['a port that is none', () => portOf('http', '--port'), /^--port http/],
  ['a negative port', () => portOf('-1', '--port'), /^--port -1/],
  ['a port in other digits', () => portOf('0x10', '--port'), /^--port 0x10/],
  ['no node', () => wholeNumber('0', '--nodes', 1, 200), /from 1 to 200/],
  ['half a node', () => wholeNumber('1.5', '--nodes', 1, 200), /^--nodes 1\.5/],
  ['too many nodes', () => wholeNumber('201', '--nodes', 1, 200), /from 1 to 200/],
  ['a name for an address', () => addressOf('localhost', '--node-ip'), /an IP address is expected/],
  ['a time without a unit', () => durationMs('24', '--ttl'), /a time such as 24h/],
  ['an empty time', () => durationMs('', '--ttl'), /a time such as 24h/],
];
for (const [what, check, message] of refused) test(`refused: ${what}`, () => assert.throws(check, (error) => error instanceof UserError && message.test(error.message)));

test('times', () => assert.deepEqual(['0', '24h', '1h30m', '90s'].map((text) => durationMs(text, '--ttl')), [0, 86_400_000, 5_400_000, 90_000]));

const storage: [what: string, flags: StorageFlags, message: RegExp][] = [
  ['an engine that does not exist', { storage: 'redis' }, /use one of embedded, etcd, memory/],
  ['etcd without servers', { storage: 'etcd' }, /needs --etcd-servers/],
  ['servers without etcd', { storage: 'memory', etcdServers: 'http://127.0.0.1:2379' }, /does not go with --storage memory/],
  ['a server without a port', { etcdServers: 'http://127.0.0.1' }, /https:\/\/host:2379 is expected/],
  ['a certificate without its key', { etcdServers: 'https://127.0.0.1:2379', etcdCertfile: '/c' }, /--etcd-certfile and --etcd-keyfile together/],
];
for (const [what, flags, message] of storage) test(`refused: ${what}`, () => assert.throws(() => storageSettings(flags), (error) => error instanceof UserError && message.test(error.message)));

test('servers alone mean etcd', () => assert.deepEqual(storageSettings({ etcdServers: 'https://10.0.0.1:2379, [fd00::1]:2379' }), { engine: 'etcd', etcdServers: ['https://10.0.0.1:2379', '[fd00::1]:2379'] }));

test('a data directory that is a file, or below one, is told by name', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-flags-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'file');
  writeFileSync(file, '');
  assert.throws(() => usableDataDir(file), /is a file: name a folder/);
  assert.throws(() => usableDataDir(join(file, 'below')), /is a file: name another folder/);
  usableDataDir(join(directory, 'new', 'folder'));
  if (process.getuid?.() === 0) return;
  chmodSync(directory, 0o500);
  assert.throws(() => usableDataDir(join(directory, 'other')), /cannot be written by this user/);
});
