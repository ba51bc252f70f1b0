import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectionOf, mergeKubeconfigs, parseKubeconfig, readKubeconfig, withoutContext, writeKubeconfig } from './kubeconfig.ts';

const TEXT = `
apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443", certificate-authority: pki/ca.crt}}]
users: [{name: u, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}]
contexts: [{name: a, context: {cluster: c, user: u, namespace: work}}]
`;

test('a context tells how to connect', () => {
  const connection = connectionOf(parseKubeconfig(TEXT));
  assert.equal(connection.namespace, 'work');
  assert.deepEqual(connection.options.certificate, { data: 'CERT' });
  assert.deepEqual(connection.options.ca, { file: 'pki/ca.crt' });
});

test('what is missing is named', () => {
  assert.throws(() => connectionOf(parseKubeconfig(TEXT), 'b'), /no context "b"/);
  assert.throws(() => parseKubeconfig('[]'), /not a kubeconfig/);
  assert.throws(() => parseKubeconfig('a: [', 'file'), /file is not YAML/);
});

test('merging keeps the first; removing takes what only that context used', () => {
  const one = parseKubeconfig(TEXT);
  const two = parseKubeconfig(TEXT.replace('127.0.0.1', '10.0.0.1').replace(/name: a,/, 'name: b,'));
  const merged = mergeKubeconfigs(one, two);
  assert.deepEqual(merged.contexts.map((entry) => entry.name), ['a', 'b']);
  assert.equal(merged.clusters[0]!.cluster.server, 'https://127.0.0.1:6443');
  const less = withoutContext(merged, 'a');
  assert.equal(less.clusters.length, 1);
  assert.equal(less['current-context'], undefined);
  assert.equal(withoutContext(less, 'b').users.length, 0);
});

test('written for the owner only, relative paths resolved when read', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  try {
    const path = join(dir, 'deep', 'config');
    await writeKubeconfig(path, parseKubeconfig(TEXT));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await readKubeconfig(path)).clusters[0]!.cluster['certificate-authority'], join(dir, 'deep', 'pki/ca.crt'));
  } finally {
    await rm(dir, { recursive: true });
  }
});
