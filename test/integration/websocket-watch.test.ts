/** A watch as browsers follow it: over WebSocket, one event per message. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { WebSocket } from 'ws';
import { startCluster } from '#cmd/testing';

interface Watched { type: string; object: { metadata: { name: string } } }

test('watch over WebSocket: text of JSON, binary of protobuf', async () => {
  const cluster = await startCluster({ port: 0 });
  try {
    const config = new KubeConfig();
    config.loadFromString(cluster.kubeconfig!);
    const { server, caData } = config.getCurrentCluster()!;
    const { certData, keyData } = config.getCurrentUser()!;
    const [ca, cert, key] = [caData, certData, keyData].map((text) => Buffer.from(text!, 'base64'));
    const open = (query: string, headers: Record<string, string> = {}): WebSocket => new WebSocket(`${server.replace('https', 'wss')}/api/v1/namespaces/default/configmaps?${query}`, { ca, cert, key, headers });
    await cluster.client.raw('POST', '/api/v1/namespaces/default/configmaps', { body: { metadata: { name: 'one' } } });

    const events = open('watch=1&fieldSelector=metadata.name%3Done');
    const [first, isBinary] = await once(events, 'message') as [Buffer, boolean];
    const { type, object } = JSON.parse(first.toString()) as Watched;
    assert.deepEqual([type, object.metadata.name, isBinary], ['ADDED', 'one', false]);
    events.close();
    await once(events, 'close');

    const timed = open('watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Done', { accept: 'application/vnd.kubernetes.protobuf;stream=watch' });
    const ended = once(timed, 'close');
    const [bytes, binary] = await once(timed, 'message') as [Buffer, boolean];
    assert.deepEqual([bytes.toString('latin1').includes('k8s\0'), binary], [true, true]);
    const [code] = await ended as [number];
    assert.ok(code === 1000 || code === 1005, `the server ends the watch in order, not with ${code}`);

    const refused = new WebSocket(`${server.replace('https', 'wss')}/api/v1/namespaces/default/configmaps`, { ca, cert, key });
    await assert.rejects(once(refused, 'open'), /Unexpected server response: 400/);
  } finally {
    await cluster.stop();
  }
});
